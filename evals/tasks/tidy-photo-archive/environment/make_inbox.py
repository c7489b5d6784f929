"""Writes the inbox, the same every time: make_inbox.py <folder>

The verifier has an identical copy and sorts an inbox that it writes itself.
"""

import calendar
import os
import sys
from pathlib import Path
from random import Random

HEADS = {
    "jpg": b"\xff\xd8\xff\xe0\x00\x10JFIF\x00", "exif": b"\xff\xd8\xff\xe1\x21\x00Exif\x00\x00", "png": b"\x89PNG\r\n\x1a\n",
    "gif7": b"GIF87a", "gif9": b"GIF89a", "html": b"<!DOCTYPE html>\n<title>404</title>\n", "text": b"", "riff": b"RIFF\x40\x00\x00\x00WEBP",
    "gif8": b"GIF88a", "crlf": b"\x89PNG\n\x1a\n",
}
FILES = [  # name, kind, number of the content, modification time in UTC
    (b"IMG_0001.JPG", "jpg", 1, "2019-03-31 22:10:05"),
    (b"IMG_0002.JPG", "exif", 2, "2019-03-31 23:59:59"),
    (b"IMG_0003.JPG", "jpg", 3, "2019-04-01 00:00:00"),
    (b"img 0001.jpg", "jpg", 4, "2019-03-30 08:00:00"),
    (b"img-0001.png", "jpg", 5, "2019-03-31 22:10:05"),
    (b"card 1/IMG_0001.JPG", "jpg", 1, "2019-03-29 11:00:00"),
    (b"card 1/IMG_0001-2.JPG", "jpg", 6, "2019-03-30 09:30:00"),
    (b"card 1/  two  spaces .jpeg", "jpg", 7, "2020-02-29 12:00:00"),
    (b"card 1/-rf.jpg", "jpg", 8, "2020-02-29 12:00:01"),
    (b"card 1/--help", "png", 9, "2020-02-29 12:00:02"),
    (b"card 1/line\nend.png", "png", 10, "2020-12-31 23:59:59"),
    (b"card 1/\nfirst\n.jpg", "exif", 11, "2021-01-01 00:00:00"),
    (b"card 1/tab\there.gif", "gif9", 12, "2021-01-01 00:00:01"),
    (b"card 2/quote'd \"photo\".jpg", "jpg", 13, "2021-06-15 10:00:00"),
    (b"card 2/$HOME `id` *.jpg", "jpg", 14, "2021-06-15 10:00:01"),
    (b"card 2/back\\slash\\n.jpg", "jpg", 15, "2021-06-15 10:00:02"),
    (b"card 2/*.png", "png", 16, "2021-06-15 10:00:03"),
    (b"card 2/???.PNG", "png", 17, "2021-06-15 10:00:04"),
    (b"card 2/.hidden.jpg", "jpg", 18, "2021-06-16 10:00:00"),
    (b"card 2/.jpg", "jpg", 19, "2021-06-16 10:00:01"),
    (b"card 2/.nomedia", "text", 20, "2021-06-16 10:00:02"),
    (b"card 2/.thumbs/a.b.c.jpg", "jpg", 21, "2021-06-16 10:00:03"),
    (b"card 2/.thumbs/ends with dot.", "gif7", 22, "2021-06-16 10:00:04"),
    (b"card 2/photo", "png", 23, "2021-06-15 09:00:00"),
    (b"card 2/photo.gif", "png", 23, "2021-06-15 09:00:00"),
    (b"card 3/\xc3\x9cbersicht 1.jpg", "jpg", 24, "2018-11-05 07:00:00"),
    (b"card 3/\xdcbersicht 1.jpg", "jpg", 25, "2018-11-05 06:59:59"),
    (b"card 3/\xe6\xb8\xaf.jpg", "jpg", 26, "2018-11-05 07:00:01"),
    (b"card 3/Kai & Mole; rm x|y.JPEG", "exif", 27, "2018-11-05 07:00:02"),
    (b"card 3/sunset.png", "gif9", 28, "2018-12-24 18:00:00"),
    (b"card 3/sunset.gif", "png", 29, "2018-12-24 18:00:00"),
    (b"card 3/sunset.GIF", "gif9", 30, "2018-12-24 18:00:00"),
    (b"card 3/sunset", "gif9", 28, "2018-12-24 18:00:00"),
    (b"card 3/Sunset (copy).jpg", "gif9", 28, "2018-12-23 18:00:00"),
    (b"card 3/not found.jpg", "html", 31, "2018-12-25 09:00:00"),
    (b"card 3/empty.jpg", "text", 0, "2018-12-25 09:00:01"),
    (b"card 3/empty too.png", "text", 0, "2018-12-25 09:00:02"),
    (b"disk/old\nletters/-dear aunt.txt", "text", 32, "1999-12-31 23:30:00"),
    (b"disk/old\nletters/scan.txt", "png", 33, "1999-12-31 23:30:00"),
    (b"disk/old\nletters/-dear aunt (copy).txt", "text", 32, "2000-01-01 00:30:00"),
    (b"disk/2004/harbour.jpg", "jpg", 34, "2004-07-01 00:00:00"),
    (b"disk/2004/Harbour.jpg", "jpg", 35, "2004-07-01 00:00:00"),
    (b"disk/2004/HARBOUR.JPG", "jpg", 36, "2004-07-01 00:00:00"),
    (b"disk/2004/harbour-2.jpg", "jpg", 37, "2004-07-31 00:00:00"),
    (b"disk/2005/harbour.jpg", "jpg", 38, "2005-07-01 00:00:00"),
    (b"disk/2005/harbour (1).jpg", "jpg", 38, "2004-06-30 23:59:59"),
    (b"disk/2005/almost.gif", "gif8", 39, "2005-07-02 00:00:00"),
    (b"disk/2005/almost.png", "crlf", 40, "2005-07-02 00:00:01"),
    (b"disk/2005/almost.webp", "riff", 41, "2005-07-02 00:00:02"),
    (b"disk/2005/" + b"long name " * 20 + b".jpg", "jpg", 42, "2005-07-03 00:00:00"),
]


def content(kind, number):
    random = Random(number)
    size = 1_500 + int(random.random() * 500) if number else 0
    return HEADS[kind] + bytes(int(random.random() * 256) for _ in range(size))


def files():
    """Path below the inbox, content and modification time of every file."""
    for name, kind, number, when in FILES:
        date, clock = when.split()
        fields = [int(text) for text in (*date.split("-"), *clock.split(":"))]
        yield name, content(kind, number), calendar.timegm((*fields, 0, 0, 0))


if __name__ == "__main__":
    inbox = os.fsencode(sys.argv[1])
    for name, data, time in files():
        path = Path(os.fsdecode(os.path.join(inbox, name)))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        os.utime(path, (time, time))
    os.makedirs(os.path.join(inbox, b"card 3", b"empty folder"))
