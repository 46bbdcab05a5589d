"""Clips for the tests of video, made by Debian's ffmpeg; what the tests share."""
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

PROBE = os.environ["FRUGAL_VIDEO_PROBE"]
FFMPEG, FFPROBE = shutil.which("ffmpeg"), shutil.which("ffprobe")
# The conversion that the reader promises (docs/video.md).
SCALER = ["-sws_flags", "bicubic+accurate_rnd+full_chroma_int+bitexact"]
MOVING = "testsrc2=size={size}:rate={rate}"
NOISY = "testsrc2=size={size}:rate={rate},noise=alls=40:allf=t:all_seed=7"


def ffmpeg(*arguments):
    done = subprocess.run([FFMPEG, "-v", "error", "-nostdin", "-y", *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0, (arguments, done.stderr)
    return done.stderr


def encode(path, *codec, size="64x48", rate=25, frames=30, source=MOVING, before=()):
    """A moving test picture. The encoder runs on one thread, and so gives the same file every time."""
    ffmpeg("-f", "lavfi", "-i", source.format(size=size, rate=rate), *before, "-frames:v", frames, "-threads", "1", *codec, path)
    return path


def probe(path, *steps):
    done = subprocess.run([PROBE, str(path), *map(str, steps)], capture_output=True, text=True)
    assert done.returncode == 0, (path, steps, done.returncode, done.stderr[-2000:])
    return [json.loads(line) for line in done.stdout.splitlines()]


def hashes(answers):
    assert not any("error" in a for a in answers if isinstance(a, dict)), answers
    return [a["sha256"] for a in answers]


def reference(path, *filters):
    """(time, sha256 of the RGB) of each frame by ffmpeg: every decoded frame once, as it comes, not turned."""
    out = subprocess.run([FFMPEG, "-v", "error", "-noautorotate", "-copyts", "-i", str(path), "-map", "0:v:0", *filters, "-pix_fmt", "rgb24", *SCALER,
                          "-vsync", "passthrough", "-enc_time_base", "-1", "-f", "framehash", "-hash", "sha256", "-"], capture_output=True, text=True, check=True).stdout
    base = [line for line in out.splitlines() if line.startswith("#tb 0:")][0].split(":")[1].split("/")
    rows = [line.split(",") for line in out.splitlines() if not line.startswith("#")]
    return [(int(r[2]) * int(base[0]) / int(base[1]), r[5].strip()) for r in rows]


class VideoTest(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory(prefix="frugal-video-")
        self.folder = pathlib.Path(self.temporary.name)

    def tearDown(self):
        self.temporary.cleanup()

    def assert_error(self, answers, code, *parts):
        self.assertTrue(answers and isinstance(answers[-1], dict) and "error" in answers[-1], f"no error in {answers[-1:]}")
        error = answers[-1]
        codes = (code,) if isinstance(code, str) else code
        self.assertIn(error["error"], codes, error)
        for part in parts:
            self.assertIn(part, error["where"] + ": " + error["message"])
        return error
