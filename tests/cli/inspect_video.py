"""frugal inspect of video files: what it prints, and hostile files within 50 MB and 1 s of CPU time.

usage: inspect_video.py FRUGAL ON|OFF
"""
import json
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import measured

FRUGAL, BUILT = sys.argv[1], sys.argv[2] == "ON"
MEMORY_MIB, SECONDS = 50, 1.0
SANITIZED = os.environ.get("FRUGAL_SANITIZED", "") != ""


def box(name, *content):
    body = b"".join(content)
    return struct.pack(">I", 8 + len(body)) + name + body


def full(name, *content):
    return box(name, bytes(4), *content)


def numbers(*values):
    return struct.pack(f">{len(values)}I", *values)


def movie(stts=(1, 1, 512), stsz=(0, 1, 8), stco=None, stsc=(1, 1, 1, 1), width=64, height=48, edits=b"", more=b""):
    """An MP4 of one track, as its tables say."""
    ftyp, mdat = box(b"ftyp", b"isom", numbers(512), b"isom"), box(b"mdat", bytes(8))
    where = len(ftyp) + 8
    size = struct.pack(">HH", width, height)
    entry = box(b"mp4v", bytes(6), struct.pack(">H", 1), bytes(16), size, numbers(0x480000, 0x480000, 0), struct.pack(">H", 1), bytes(32), struct.pack(">Hh", 24, -1))
    table = box(b"stbl", full(b"stsd", numbers(1), entry), full(b"stts", numbers(*stts)), full(b"stsc", numbers(*stsc)),
                full(b"stsz", numbers(*stsz)), full(b"stco", numbers(*(stco or (1, where)))), more)
    media = box(b"mdia", full(b"mdhd", numbers(0, 0, 12800, 512), struct.pack(">HH", 0x55C4, 0)), full(b"hdlr", bytes(4), b"vide", bytes(13)),
                box(b"minf", full(b"vmhd", bytes(8)), box(b"dinf", full(b"dref", numbers(1), full(b"url "))), table))
    track = box(b"trak", full(b"tkhd", numbers(0, 0, 1, 0, 512), bytes(60 - 8), numbers(width << 16, height << 16)), edits, media)
    return ftyp + mdat + box(b"moov", full(b"mvhd", numbers(0, 0, 1000, 40), bytes(80)), track)


BIG = 2**32 - 1
HOSTILE = {
    "one frame of zeros": movie(),
    "2^32 samples of no bytes": movie(stsz=(0, BIG), stts=(1, BIG, 1), stsc=(1, 1, BIG, 1)),
    "2^32 samples of one byte": movie(stsz=(1, BIG), stts=(1, BIG, 1), stsc=(1, 1, BIG, 1)),
    "2^28 samples of one byte": movie(stsz=(1, 2**28), stts=(1, 2**28, 1), stsc=(1, 1, 2**28, 1)),
    "2^24 samples of one byte": movie(stsz=(1, 2**24), stts=(1, 2**24, 1), stsc=(1, 1, 2**24, 1)),
    "2^20 samples of one byte": movie(stsz=(1, 2**20), stts=(1, 2**20, 1), stsc=(1, 1, 2**20, 1)),
    "a table of samples of 4 bytes": movie(stsz=()),
    "a box larger than its parent": movie(more=struct.pack(">I4s", 99999, b"free")),
    "2^32 chunks": movie(stco=(BIG, 40)),
    "2^32 times": movie(stts=(BIG, 1, 512)),
    "2^32 chunk groups": movie(stsc=(BIG, 1, 1, 1)),
    "a chunk past the end": movie(stco=(1, 2**31)),
    "a sample of 4 GB": movie(stsz=(0, 1, BIG)),
    "a sample of 512 MB": movie(stsz=(0, 1, 2**29)),
    "steps of 2^32 ticks": movie(stts=(1, 1, BIG)),
    "65535 x 65535": movie(width=65535, height=65535),
    "0 x 0": movie(width=0, height=0),
    "2^32 edits": movie(edits=box(b"edts", full(b"elst", numbers(BIG, 1, 0, 0x10000)))),
    "2^32 key frames": movie(more=full(b"stss", numbers(BIG, 1))),
    "2^32 shifts": movie(more=full(b"ctts", numbers(BIG, 1, 0))),
    "boxes in boxes": box(b"ftyp", b"isom", numbers(512)) + struct.pack(">I4s", 8 * 50000, b"moov") + b"".join(struct.pack(">I4s", 8 * n, b"moov") for n in range(49999, 0, -1)),
    "10^6 boxes": box(b"ftyp", b"isom", numbers(512)) + box(b"free") * 1_000_000,
    "a box of 2^63": box(b"ftyp", b"isom", numbers(512)) + struct.pack(">I4sQ", 1, b"mdat", 2**63),
    "a box of 3 bytes": box(b"ftyp", b"isom", numbers(512)) + struct.pack(">I4s", 3, b"mdat"),
    "matroska of nothing": bytes.fromhex("1a45dfa3 8b 4286810142f7810142f28104 18538067 01ffffffffffffff".replace(" ", "")),
    "matroska element of 2^56": bytes.fromhex("1a45dfa3 80 18538067 01ffffffffffffff 1549a966 01fffffffffffffe".replace(" ", "")) + bytes(64),
    "avi of 2^32": b"RIFF" + struct.pack("<I", BIG) + b"AVI LIST",
    "avi of lists": b"RIFF" + struct.pack("<I", 4 + 12 * 4000) + b"AVI " + b"".join(b"LIST" + struct.pack("<I", 12 * n - 8) + b"hdrl" for n in range(4000, 0, -1)),
}
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
        for name, codec in {"a.mkv": "libx264", "a.webm": "libvpx", "a.avi": "mpeg4", "a.mov": "mjpeg", "a.m4v": "libx264"}.items():
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
