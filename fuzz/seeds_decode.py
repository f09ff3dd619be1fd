#!/usr/bin/env python3
"""Writes the seeds of fuzz/corpus/decode/: sequences of datagrams as fuzz/fuzz_decode.c reads them."""
import os
import struct

FOLDER = os.path.join(os.path.dirname(__file__), "corpus", "decode")
UDP, TCP, LATER, END, RELOAD = 0, 4, 8, 16, 32
SECONDS = 1700000000


def unhex(text):
    return bytes.fromhex(text)


def one_set(number, body):
    return struct.pack(">HH", number, len(body) + 4) + body


def fields(layout):
    """ "8:4 9/15:v" -> field specifiers."""
    out = b""
    n = 0
    for word in layout.split():
        number, length = word.split(":")
        pen = None
        if "/" in number:
            pen, number = number.split("/")
        length = 65535 if length == "v" else int(length)
        out += struct.pack(">HH", int(number) | (0x8000 if pen else 0), length)
        if pen:
            out += struct.pack(">I", int(pen))
        n += 1
    return n, out


def template(version, number, layout):
    n, body = fields(layout)
    return one_set(0 if version == 9 else 2, struct.pack(">HH", number, n) + body)


def options(version, number, scope, layout):
    n, head = fields(scope)
    m, body = fields(layout)
    counts = (4 * n, 4 * m) if version == 9 else (n + m, n)
    return one_set(1 if version == 9 else 3, struct.pack(">HHH", number, *counts) + head + body)


def v9(*sets, uptime=1000000, domain=7):
    body = b"".join(sets)
    return struct.pack(">HHIIII", 9, len(sets), uptime, SECONDS, 1, domain) + body


def ipfix(*sets, domain=7):
    body = b"".join(sets)
    return struct.pack(">HHIII", 10, 16 + len(body), SECONDS, 1, domain) + body


def fixed(version, octets, count=2, scheme=0):
    head = struct.pack(">HHIII", version, count, 1000000, SECONDS, 500000000)
    if version > 1:
        head += struct.pack(">IBBBB", 1, 2, 3, scheme or 0x40, 2)
    if version == 8:
        head += bytes(4)
    return head + bytes((i % octets + 1) & 255 for i in range(count * octets))


def write(name, *datagrams):
    with open(os.path.join(FOLDER, name), "wb") as out:
        for flags, data in datagrams:
            out.write(struct.pack(">BH", flags, len(data)) + data)


FIXED = {1: 48, 5: 48, 6: 52, 7: 52}
SCHEMES = [28, 28, 32, 32, 40, 32, 40, 44, 32, 32, 32, 32, 40, 40]
MIX = "8:4 12:4 27:16 28:16 7:2 11:2 4:1 32:2 139:2 1:8 2:4 21:4 22:4 95:4 70:3 71:3 48:1 9/5:2"
MIX_V9 = MIX.replace("9/5", "40001")
RECORD = unhex("0a000001 0a000002" + "00" * 32 + "0050 01bb 01 0301 0000" + "00" * 7 + "64 00000001"
               "000f0000 000e0000 0d000001 000010 000021 01 beef")


def main():
    os.makedirs(FOLDER, exist_ok=True)
    for version, octets in FIXED.items():
        write(f"v{version}", (UDP, fixed(version, octets)), (UDP, fixed(version, octets, 3)[:-5]))
    write("v1-long", (UDP, fixed(1, 52)))
    for i, octets in enumerate(SCHEMES):
        write(f"v8-{i + 1}", (UDP, fixed(8, octets, 2, i + 1)))
    write("v9", (UDP, v9(template(9, 256, MIX_V9), one_set(256, RECORD * 3))))
    write("v9-options", (UDP, v9(options(9, 300, "1:4 2:2", "48:1 50:4 82:8"),
                                 one_set(300, unhex("00000001 0005 01 00000064 6574683000000000")),
                                 template(9, 256, "8:4 48:1"), one_set(256, unhex("0a000001 01 000000")))))
    write("v9-held", (UDP, v9(one_set(256, unhex("0a000001 00000001")))), (RELOAD, v9(one_set(256, unhex("0a000002 00000002")))),
          (LATER, v9(template(9, 256, "8:4 1:4"))), (LATER + 1, v9(one_set(256, unhex("0a000003 00000003")))))
    write("v9-borrowed", (UDP, v9(template(9, 256, "8:4"))), (1, v9(template(9, 256, "12:4"))),
          (2, v9(one_set(256, unhex("0a000001")))), (RELOAD, v9(template(9, 256, "12:4"))), (2, v9(one_set(256, unhex("0a000001")))))
    write("ipfix", (UDP, ipfix(template(10, 256, MIX), one_set(256, RECORD * 2))))
    write("ipfix-variable", (UDP, ipfix(template(10, 256, "8:4 82:v 9/1:v 291:v 210:2 4:1"),
                                        one_set(256, unhex("0a000001 0465746830 02aabb ff0003010203 0000 06")))))
    write("ipfix-times", (UDP, ipfix(template(10, 256, "150:4 152:8 154:8 156:8 158:4 160:8 22:4 161:4 323:8"),
                                     one_set(256, unhex("6553f100 0000018bcfe56800 83aa7e8000000000 e8fe6f80ffffffff"
                                                        "000f4240 0000018bcfe56800 00000064 00000001 0000018bcfe56800")))))
    write("ipfix-reverse", (UDP, ipfix(template(10, 256, "1:4 29305/1:4 29305/156:8 233:1 315:v"),
                                       one_set(256, unhex("00000001 00000002 e8fe6f8000000000 03 02abcd")))))
    write("ipfix-options", (UDP, ipfix(options(10, 300, "302:4", "305:4 306:4 311:8"),
                                       one_set(300, unhex("00000001 00000001 0000270f 3f847ae147ae147b")),
                                       template(10, 256, "302:4 309:4 310:4"), one_set(256, unhex("00000001 00000001 00000002")))))
    write("ipfix-tcp", (TCP, ipfix(template(10, 256, "8:4"), template(10, 257, "12:4"), options(10, 258, "8:4", "1:4"))),
          (TCP, ipfix(one_set(256, unhex("0a000001")), one_set(2, unhex("01000000")), one_set(256, unhex("0a000001")))),
          (TCP + RELOAD, ipfix(one_set(2, unhex("00020000")), one_set(3, unhex("00030000")), one_set(257, unhex("0a000001")))),
          (TCP + END, ipfix(one_set(258, unhex("0a000001 00000001")))), (UDP, ipfix(one_set(2, unhex("01000000")))))
    write("ipfix-shared", (UDP, ipfix(template(10, 256, "8:4")) + ipfix(one_set(256, unhex("0a000001")))))
    write("many-templates", *[(LATER if i % 5 == 0 else i % 4, ipfix(*[template(10, 256 + j, f"8:4 1:{1 + i % 8}") for j in range(6)],
                                                                   one_set(256 + i, bytes(40)))) for i in range(8)])


if __name__ == "__main__":
    main()
