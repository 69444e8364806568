"""Odd but legal JPEGs, and other formats, with what Pillow reads from them.

Run: python make_odd_images.py OUT [--seed N]        (Pillow 12.3, numpy 2)
OUT/NAME.jpg (or .tif, .gif, .avif, .bmp) is the input and OUT/NAME.png what Image.open(input).convert('RGB') gives.
CMYK and YCCK with and without Adobe's marker and a profile; fill bytes and stray bytes at every marker; scan parameters as some
phones write them; orientations in XMP. And tall.png, with tall.WxH.FILTER.png as Image.resize gives it: more than 100 times as high
as wide, where Pillow shrinks the height first.
"""
import argparse, io, pathlib, struct
import numpy as np
from PIL import Image, ImageDraw

a = argparse.ArgumentParser(); a.add_argument("out", type=pathlib.Path); a.add_argument("--seed", type=int, default=0)
args = a.parse_args(); args.out.mkdir(parents=True, exist_ok=True); rng = np.random.default_rng(args.seed)

def picture(mode="RGB", size=(40, 24)):
    im = Image.new("RGB", size, (0, 0, 0)); d = ImageDraw.Draw(im)
    d.rectangle((10, 4, 30, 20), fill=(0, 200, 80)); d.ellipse((20, 2, 38, 18), fill=(220, 30, 40))
    ramp = np.asarray(im).copy(); ramp[20:, :, :] = np.linspace(0, 255, size[0]).astype(np.uint8)[None, :, None]
    return Image.fromarray(ramp).convert(mode)

def jpeg(im, **options):
    b = io.BytesIO(); im.save(b, "JPEG", quality=90, **options); return b.getvalue()

def segments(data):
    """(marker, bytes of the segment with its marker) up to SOS; the rest is the last."""
    at = 2; out = []
    while data[at + 1] != 0xDA:
        n = 2 + struct.unpack(">H", data[at + 2 : at + 4])[0]; out.append((data[at + 1], data[at : at + n])); at += n
    return out + [(0xDA, data[at:])]

def join(parts): return b"\xff\xd8" + b"".join(p for _, p in parts)
def without(data, code): return join([s for s in segments(data) if s[0] != code])
def adobe(transform): return b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00" + bytes([transform])
def with_adobe(data, transform): return b"\xff\xd8" + adobe(transform) + without(data, 0xEE)[2:]
def padded(data, pad, at=None): return b"\xff\xd8" + b"".join((pad if at is None or i in at else b"") + s for i, (_, s) in enumerate(segments(data)))
def scan(data, ss, se, ah_al):
    parts = segments(data); sos = bytearray(parts[-1][1]); n = 2 + sos[4] * 2 + 3
    sos[n : n + 3] = bytes([ss, se, ah_al]); return join(parts[:-1] + [(0xDA, bytes(sos))])
def xmp(orientation):
    text = f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="{orientation}"/></rdf:RDF></x:xmpmeta>'.encode()
    body = b"http://ns.adobe.com/xap/1.0/\x00" + text; return b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body

rgb, cmyk = jpeg(picture()), picture("CMYK")
smooth = rng.integers(0, 256, (6, 10, 4), dtype=np.uint8)
inks = Image.fromarray(smooth, "CMYK").resize((40, 24), Image.BICUBIC)
profile = b"\x00" * 36 + b"acsp" + b"\x00" * 88  # no valid profile; Pillow never looks into it
files = {
    "cmyk-inks.jpg": jpeg(inks), "cmyk-no-marker.jpg": without(jpeg(inks), 0xEE), "cmyk-subsampled.jpg": jpeg(inks, subsampling=2),
    "cmyk-progressive.jpg": jpeg(cmyk, progressive=True), "cmyk-profile.jpg": jpeg(inks, icc_profile=profile),
    "ycck.jpg": with_adobe(jpeg(inks), 2), "ycck-subsampled.jpg": with_adobe(jpeg(inks, subsampling=2), 2),
    "ycck-profile.jpg": with_adobe(jpeg(inks, icc_profile=profile), 2),
    "rgb-adobe.jpg": with_adobe(without(rgb, 0xE0), 0), "ycc-adobe.jpg": with_adobe(without(rgb, 0xE0), 1),
    "fill-everywhere.jpg": padded(rgb, b"\xff\xff\xff"), "fill-long.jpg": padded(rgb, b"\xff" * 5000, {1}), "fill-first.jpg": padded(rgb, b"\xff", {0}),
    "fill-last.jpg": padded(rgb, b"\xff\xff", {len(segments(rgb)) - 1}),
    "stray-everywhere.jpg": b"\xff\xd8" + b"".join(s + (b"" if m == 0xDA else b"\x00\x11\x22") for m, s in segments(rgb)),
    "stray-escaped.jpg": padded(rgb, b"\x00\xff\x00\x07", {2}), "stray-long.jpg": padded(rgb, b"\x2a" * 3000, {3}),
    "stray-before-end.jpg": rgb[:-2] + b"\x00\x00\x00" + rgb[-2:], "trailing.jpg": rgb + b"\x00" * 100,
    "samsung-scan.jpg": scan(rgb, 0, 0, 0), "samsung-high-bits.jpg": scan(rgb, 0, 63, 0x11), "samsung-band.jpg": scan(rgb, 1, 5, 0),
    "xmp-3.jpg": b"\xff\xd8" + xmp(3) + rgb[2:], "xmp-8.jpg": b"\xff\xd8" + xmp(8) + rgb[2:], "grey.jpg": jpeg(picture("L")),
}
deep = Image.fromarray((np.asarray(picture("L")).astype(np.uint16) * 257))
for name, im, options in (
    ("picture.tif", picture(), {}), ("lzw.tif", picture(), {"compression": "tiff_lzw"}), ("cmyk.tif", inks, {"compression": "tiff_lzw"}),
    ("palette.gif", picture().quantize(40), {}), ("picture.bmp", picture(), {}), ("palette.bmp", picture().quantize(40), {}),
    ("bits.bmp", picture("1"), {}), ("alpha.bmp", picture("RGBA"), {}), ("lossless.avif", picture(), {"quality": 100, "subsampling": "4:4:4"}),
):
    b = io.BytesIO(); im.save(b, Image.registered_extensions()[pathlib.Path(name).suffix], **options); files[name] = b.getvalue()
for name, data in files.items():
    (args.out / name).write_bytes(data)
    try: im = Image.open(io.BytesIO(data)).convert("RGB")
    except Exception as e: print(name, "refused by Pillow:", e); (args.out / name).unlink(); continue
    im.save(args.out / (name + ".png"), optimize=True)
tall = Image.fromarray(rng.integers(0, 256, (401, 4, 3), dtype=np.uint8)); tall.save(args.out / "tall.png")
for w, h in ((9, 201), (3, 400), (7, 29), (2, 700), (30, 401)):
    for kind in ("BICUBIC", "BILINEAR"):
        tall.resize((w, h), getattr(Image.Resampling, kind)).save(args.out / f"tall.{w}x{h}.{kind.lower()}.png")
