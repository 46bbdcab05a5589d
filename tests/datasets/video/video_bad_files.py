"""Video files that are damaged, or of a kind that we do not read: each an error that names the file and what is wrong,
never fewer frames without a word."""
import random
import struct
import sys
import unittest

from clips import NOISY, VideoTest, encode, ffmpeg, hashes, probe

H264 = ("-c:v", "libx264", "-g", "8", "-bf", "2")
LOSSLESS = ("-c:v", "ffv1", "-level", "3", "-slicecrc", "1")


class BadFiles(VideoTest):
    def file(self, name, content):
        path = self.folder / name
        path.write_bytes(content)
        return path

    def test_no_video(self):
        for name, content in {"empty.mp4": b"", "short.mp4": b"\0\0\0\x18ft", "text.mp4": b"not a video at all\n" * 9, "zeros.avi": bytes(4096),
                              "wave.avi": b"RIFF\x24\0\0\0WAVEfmt " + bytes(28), "list.mp4": b"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1/a.ts\n",
                              "concat.mkv": b"ffconcat version 1.0\nfile /etc/passwd\n", "picture.mp4": b"\x89PNG\r\n\x1a\n" + bytes(64)}.items():
            self.assert_error(probe(self.file(name, content)), "not_a_video", name, f"the {len(content)} bytes")
        self.assert_error(probe(self.folder / "missing.mp4"), "file_not_found", "missing.mp4")
        self.assert_error(probe(self.folder), "file_not_found")

    def test_audio_only(self):
        for name in ("audio.mp4", "audio.mkv"):
            ffmpeg("-f", "lavfi", "-i", "sine=d=1", self.folder / name)
            self.assert_error(probe(self.folder / name), "no_video_stream", name, "none of its 1 streams")

    def test_video_beside_audio(self):
        both, alone = self.folder / "both.mp4", self.folder / "alone.mp4"
        ffmpeg("-f", "lavfi", "-i", "sine=d=1", "-f", "lavfi", "-i", "testsrc2=size=64x48:d=1", *H264, both)
        ffmpeg("-i", both, "-an", "-c", "copy", alone)
        self.assertEqual(hashes(probe(both, "rest")), hashes(probe(alone, "rest")))

    def test_truncated_anywhere(self):
        clips = {"plain.mp4": H264, "fast.mp4": (*H264, "-movflags", "faststart"), "fragments.mp4": (*H264, "-movflags", "frag_keyframe+empty_moov"),
                 "a.mkv": H264, "a.webm": ("-c:v", "libvpx", "-g", "8"), "a.avi": ("-c:v", "mpeg4", "-g", "8"), "a.mov": ("-c:v", "mjpeg")}
        for name, codec in clips.items():
            whole = encode(self.folder / name, *codec).read_bytes()
            cuts = sorted({1, 7, 8, 11, 12, 13, 40, *(len(whole) * k // 41 for k in range(1, 41)), *range(len(whole) - 40, len(whole), 3)})
            for cut in cuts:
                answers = probe(self.file("cut-" + name, whole[:cut]), "rest")
                if name == "fragments.mp4" and "error" not in answers[-1]:
                    # A fragment that was never there leaves no trace: what comes must begin a file of whole fragments.
                    self.assertTrue(all("error" not in a for a in answers) and len(answers) % 8 == 0, (name, cut, answers[-1]))
                    continue
                error = self.assert_error(answers, ("truncated_video", "damaged_video", "not_a_video", "no_frames"), "cut-" + name)
                if error["error"] == "truncated_video":
                    self.assertIn(f"ends at byte {cut}", error["message"])
                self.assertEqual(len(answers), 1, f"frames came before the end was found missing: {name}, {cut}")

    def test_no_key_frame_first(self):
        encode(self.folder / "whole.mkv", *H264, "-bf", "0")
        path = self.folder / "late.mkv"
        ffmpeg("-i", self.folder / "whole.mkv", "-c", "copy", "-copyinkf", "-bsf:v", "noise=drop=lt(n\\,3)", path)
        self.assert_error(probe(path), "no_key_frame", "late.mkv", "5 packets before the first")
        # Counted: the frames before the key frame are missing, and told; those after it are right.
        answers = probe(path, "damage=count", "rest", "faults")
        wanted = hashes(probe(self.folder / "whole.mkv", "rest"))
        kept = [a for a in answers[:-1] if a["index"] >= 5]
        self.assertEqual([a["sha256"] for a in kept], wanted[8:])
        faults = answers[-1]
        self.assertEqual(faults["packets"] + faults["frames"] + faults["missing"] > 0, True, faults)
        self.assertEqual(faults["missing"] + len(answers) - 1, 27, faults)

    def test_size_changes(self):
        for codec, raw in (("mpeg2video", "m2v"), ("mjpeg", "mjpeg")):
            for size in ("64x48", "96x64"):
                encode(self.folder / f"{size}.{raw}", "-c:v", codec, "-g", "5", size=size, frames=7)
            (self.folder / f"both.{raw}").write_bytes((self.folder / f"64x48.{raw}").read_bytes() + (self.folder / f"96x64.{raw}").read_bytes())
            path = self.folder / f"{codec}.mkv"
            ffmpeg("-r", "25", "-fflags", "+genpts", "-i", self.folder / f"both.{raw}", "-c", "copy", path)
            for how in ((), ("damage=count",)):
                answers = probe(path, *how, "rest")
                self.assert_error(answers, "frame_size_changed", path.name, "frame 7 has 96 x 64 pixels, those before it 64 x 48")
                self.assertEqual(len(answers), 8 if codec == "mjpeg" else 7)  # FFmpeg's MPEG-2 drops the last one before it
            self.assert_error(probe(path, "seek:10"), "frame_size_changed", path.name)

    def test_no_frames(self):
        whole = encode(self.folder / "a.mp4", *H264, "-movflags", "frag_keyframe+empty_moov").read_bytes()
        first = whole.index(b"moof") - 4
        answers = probe(self.file("none.mp4", whole[:first]))
        self.assert_error(answers, "no_frames", "none.mp4")

    def test_huge_dimensions(self):
        # In the sample description of an MP4 and the header of an AVI, as a stranger would write them.
        mp4 = bytearray(encode(self.folder / "a.mp4", "-c:v", "mjpeg", size="64x48").read_bytes())
        at = mp4.index(b"mp4v") + 4 + 6 + 2 + 16 if b"mp4v" in mp4 else mp4.index(b"stsd") + 12 + 8 + 24
        self.assertEqual(struct.unpack(">HH", mp4[at:at + 4]), (64, 48))
        mp4[at:at + 4] = struct.pack(">HH", 65535, 65535)
        self.assert_error(probe(self.file("huge.mp4", mp4)), "video_too_large", "huge.mp4", "65535 x 65535")
        avi = bytearray(encode(self.folder / "a.avi", "-c:v", "mpeg4", size="64x48").read_bytes())
        at = avi.index(b"strf") + 8 + 4
        self.assertEqual(struct.unpack("<ii", avi[at:at + 8]), (64, 48))
        avi[at:at + 8] = struct.pack("<ii", 2**31 - 1, 2**31 - 1)
        self.assert_error(probe(self.file("huge.avi", avi)), ("video_too_large", "damaged_video"), "huge.avi")
        avi[at:at + 8] = struct.pack("<ii", 40000, 40000)
        self.assert_error(probe(self.file("huge.avi", avi)), "video_too_large", "40000 x 40000")

    def test_size_in_the_stream_alone(self):
        """The container says 64 x 48, the pictures have 12000 x 12000: refused by the decoder, before it takes memory."""
        mp4 = encode(self.folder / "a.mkv", "-c:v", "mjpeg", size="64x48", frames=3).read_bytes()
        frame = mp4.index(b"\xff\xc0\x00\x11\x08") + 5
        self.assertEqual(struct.unpack(">HH", mp4[frame:frame + 4]), (48, 64))
        patched = mp4.replace(mp4[frame - 5:frame + 4], mp4[frame - 5:frame] + struct.pack(">HH", 12000, 12000))
        self.assert_error(probe(self.file("liar.mkv", patched), "rest"), ("video_too_large", "damaged_video", "no_frames"), "liar.mkv")

    def test_flipped_bytes_in_pictures(self):
        """FFV1 has a checksum of each slice, so that every flip must be found; seeks must find it, too."""
        path = encode(self.folder / "a.mkv", *LOSSLESS, "-g", "1", source=NOISY, frames=12)
        whole, wanted = path.read_bytes(), hashes(probe(path, "rest"))
        ffmpeg_sizes = [len(whole) * k // 13 for k in range(1, 13)]
        for at in ffmpeg_sizes:
            damaged = bytearray(whole)
            damaged[at] ^= 0x10
            bad = self.file("bad.mkv", damaged)
            answers = probe(bad, "rest")
            error = self.assert_error(answers, ("damaged_video", "frame_missing"), "bad.mkv")
            self.assertEqual([a["sha256"] for a in answers[:-1]], wanted[:len(answers) - 1])
            self.assertTrue(any(word in error["message"] for word in ("byte", "frame")), error)
            counted = probe(bad, "damage=count", "rest", "faults")
            if "error" in counted[-1]:
                continue  # the container itself is hit
            faults, wrong = counted[-1], [a["index"] for a in counted[:-1] if a["sha256"] != wanted[a["index"]]]
            self.assertGreater(faults["packets"] + faults["frames"] + faults["missing"], 0, at)
            self.assertLessEqual(len(wrong), 1)
            self.assertTrue(faults["first"])

    def test_flipped_bytes_in_h264_are_told_or_harmless(self):
        path = encode(self.folder / "a.mp4", *H264, frames=40, source=NOISY)
        whole = path.read_bytes()
        chance = random.Random(5)
        for _ in range(40):
            damaged = bytearray(whole)
            for _ in range(3):
                damaged[chance.randrange(len(whole))] ^= 1 << chance.randrange(8)
            answers = probe(self.file("bad.mp4", damaged), "rest")
            if "error" in answers[-1]:
                self.assertIn("bad.mp4", answers[-1]["where"])
                self.assertEqual(answers[-1]["kind"], "bad_data", answers[-1])
            else:  # CABAC has no checksum: some flips give other pictures, all of them, at their times
                self.assertEqual([a["index"] for a in answers], list(range(40)))


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[1:]], verbosity=1)
