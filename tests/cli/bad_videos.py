"""Video files that a stranger might send. Also seeds of the fuzz target."""

import struct


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
