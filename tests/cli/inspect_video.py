"""frugal inspect of video files: what it prints, and hostile files within 50 MB and 1 s of CPU time.

usage: inspect_video.py FRUGAL ON|OFF
"""
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import measured
from bad_videos import HOSTILE, movie

FRUGAL, BUILT = sys.argv[1], sys.argv[2] == "ON"
MEMORY_MIB, SECONDS = 50, 1.0
SANITIZED = os.environ.get("FRUGAL_SANITIZED", "") != ""


CODES = ("damaged_video", "truncated_video", "video_too_large", "no_video_stream", "no_frames", "not_a_video", "no_key_frame", "frame_missing", "unsupported_codec",
         "frame_size_changed")


class InspectVideo(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory(prefix="frugal-video-")
        self.folder = Path(self.temporary.name)

    def tearDown(self):
        self.temporary.cleanup()

    def clip(self, name="clip.mp4", *codec):
        codec = codec or ("-c:v", "libx264", "-g", "10", "-colorspace", "bt709")
        path = self.folder / name
        subprocess.run([shutil.which("ffmpeg"), "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=64x48:rate=25:duration=1.2", *codec, path], check=True)
        return path

    def bad(self, path, *options, codes=CODES, exit_code=3):
        status, out, err, memory, seconds = measured.call(FRUGAL, "inspect", path, *options)
        self.assertEqual((status, out), (exit_code, ""), err)
        self.assertTrue(any(f"({code})" in err for code in codes), err)
        self.assertIn(str(path), err)
        self.assertLess(len(err), 2000)
        if not SANITIZED:
            self.assertLess(memory, MEMORY_MIB, err)
            self.assertLess(seconds, SECONDS, err)
        return err

    @unittest.skipUnless(BUILT, "built without video")
    def test_prints(self):
        path = self.clip()
        status, out, err, memory, _ = measured.call(FRUGAL, "inspect", path, "--json")
        self.assertEqual((status, err), (0, ""))
        self.assertEqual(json.loads(out), {
            "type": "video", "path": str(path), "container": "mov,mp4,m4a,3gp,3g2,mj2", "codec": "h264", "width": 64, "height": 48, "rotation_degrees": 0,
            "pixel_format": "yuv420p", "matrix": "bt709", "matrix_tagged": True, "full_range": False, "frames": 30, "key_frames": 3,
            "time_base": "1/12800", "average_rate": "25/1", "variable_rate": False, "start_s": 0.0, "duration_s": 1.2})
        text = measured.call(FRUGAL, "inspect", path)[1]
        self.assertRegex(text, r"codec +h264\n")
        decoded = json.loads(measured.call(FRUGAL, "inspect", path, "--json", "--decode")[1])["decoded"]
        self.assertEqual(decoded["frames"], 30)
        again = json.loads(measured.call(FRUGAL, "inspect", path, "--json", "--decode")[1])["decoded"]
        self.assertEqual(decoded, again)
        if not SANITIZED:
            self.assertLess(memory, MEMORY_MIB)
        for name, codec in {"a.mkv": "libx264", "a.webm": "libvpx", "a.avi": "mpeg4", "a.mov": "mjpeg", "a.m4v": "libx264", "DSC1.MOV": "mjpeg"}.items():
            found = json.loads(measured.call(FRUGAL, "inspect", self.clip(name, "-c:v", codec), "--json")[1])
            self.assertEqual((found["frames"], found["width"]), (30, 64), name)

    @unittest.skipUnless(BUILT, "built without video")
    def test_hostile_files(self):
        for name, content in HOSTILE.items():
            with self.subTest(name):
                path = self.folder / "bad.mp4"
                path.write_bytes(content)
                self.bad(path)

    @unittest.skipUnless(BUILT, "built without video")
    def test_random_damage(self):
        chance = random.Random(11)
        for name, codec in {"a.mp4": "libx264", "a.mkv": "libx264", "a.avi": "mpeg4", "a.webm": "libvpx"}.items():
            whole = self.clip(name, "-c:v", codec).read_bytes()
            tail = whole.rindex(b"moov") if b"moov" in whole else 0
            for _ in range(25):
                damaged = bytearray(whole)
                for _ in range(chance.choice([1, 4, 30])):
                    at = tail + chance.randrange(len(whole) - tail) if tail and chance.random() < 0.7 else chance.randrange(min(len(whole), 3000))
                    damaged[at] = chance.choice([0, 0xFF, 0x7F, chance.randrange(256)])
                path = self.folder / ("bad-" + name)
                path.write_bytes(damaged)
                status, out, err, memory, seconds = measured.call(FRUGAL, "inspect", path, "--json", "--decode")
                self.assertIn(status, (0, 3), err)
                self.assertNotIn("signal", err)
                if status == 3:
                    self.assertIn(str(path), err)
                if not SANITIZED:
                    self.assertLess(memory, MEMORY_MIB, (name, err))
                    self.assertLess(seconds, SECONDS, (name, err))

    @unittest.skipUnless(BUILT, "built without video")
    def test_damage_in_the_middle_is_found_by_decode(self):
        path = self.clip("a.mkv", "-c:v", "ffv1", "-level", "3", "-slicecrc", "1")
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
        self.assertEqual(measured.call(FRUGAL, "inspect", path)[0], 0)
        self.assertIn("frame 1", self.bad(path, "--decode"))

    def test_calls(self):
        text = self.folder / "vocab.txt"
        text.write_text("[UNK]\n")
        self.bad(text, "--decode", codes=("bad_option",), exit_code=2)
        self.bad(self.folder / "none.mp4", codes=("file_not_found",), exit_code=2)

    def test_what_is_built_in(self):
        version = measured.call(FRUGAL, "version")[1].splitlines()
        self.assertRegex(version[0], r"^frugal \d+\.\d+\.\d+$")
        self.assertRegex(version[1], r"^video: FFmpeg \(libavformat \d" if BUILT else r"^video: none \(built with FRUGAL_VIDEO=OFF\)$")
        found = {line["name"]: line for line in json.loads(measured.call(FRUGAL, "doctor", "--json")[1])}["video"]
        self.assertEqual(found["status"], "ok" if BUILT else "missing")
        self.assertIn("libavformat" if BUILT else "FRUGAL_VIDEO=OFF", found["detail"])

    @unittest.skipIf(BUILT, "built with video")
    def test_without_video(self):
        path = self.folder / "clip.mp4"
        path.write_bytes(movie())
        err = self.bad(path, codes=("no_video",), exit_code=4)
        self.assertIn("FRUGAL_VIDEO=OFF", err)
        self.assertIn("libavformat-dev libavcodec-dev libavutil-dev libswscale-dev", err)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]], verbosity=1)
