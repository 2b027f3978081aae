#!/usr/bin/env python3
"""Writes media/font_data.inc: the letters of Aileron Regular (CC0, as Pillow brings it) as grey bitmaps, a
nibble a pixel.

usage: scripts/tables/font.py > media/font_data.inc     (Python with Pillow 13)
"""
import PIL.ImageFont

SIZE = 24


def main():
    font = PIL.ImageFont.load_default(SIZE)
    ascent, descent = font.getmetrics()
    missing = bytes(font.getmask("\U0010fffd", "L"))
    rows, data = [], ""
    for code in [*range(0x20, 0x7f), *range(0xa1, 0x180), 0x2013, 0x2014, 0x2018, 0x2019, 0x201c, 0x201d, 0x2026]:
        if code > 0x7e and bytes(font.getmask(chr(code), "L")) == missing:
            continue
        left, top, right, bottom = font.getbbox(chr(code), anchor="ls")
        mask = font.getmask(chr(code), "L", anchor="ls")
        width, height = mask.size
        rows.append((code, round(font.getlength(chr(code)) * 16), left, ascent + top, width, height, len(data)))
        data += "".join("abcdefghijklmnop"[(v + 8) // 17] for v in bytes(mask))
    lines = [data[i:i + 96] for i in range(0, len(data), 96)]
    out = [f"// Made by scripts/tables/font.py: Aileron Regular (CC0) at {SIZE} pixels, 'a' clear to 'p' full.",
           f"constexpr int kFontHeight = {ascent + descent};",
           "// code, advance / 16, left, top, width, height, where its pixels begin",
           f"constexpr Glyph kGlyphs[] = {{"]
    out += ["    " + " ".join("{" + ", ".join(map(str, row)) + "}," for row in rows[i:i + 3]) for i in range(0, len(rows), 3)]
    out += ["};", "constexpr std::string_view kFontPixels ="]
    out += [f'    "{line}"' for line in lines[:-1]] + [f'    "{lines[-1]}";']
    print("\n".join(out))


if __name__ == "__main__":
    main()
