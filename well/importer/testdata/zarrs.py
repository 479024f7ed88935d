"""Makes codecs.json, two.zarr and three.zarr beside this file (zarr 3.1, numcodecs 0.16).

codecs.json: what compressors make of 1300 little-endian int16, value i = 7 * (i // 5) % 1000, in base64.
two.zarr, three.zarr: array u (time, x, y) = 100 time + 10 x + y as packed int16 (stored = value / 0.5 - 3), in chunks (2, 3, 5);
in version 3 in shards of (2, 6, 5). The last chunk is not there.
"""
import base64, json, os, shutil
import numcodecs, numpy as np, zarr
from numcodecs import Blosc
from zarr.codecs import Crc32cCodec, ZstdCodec

os.chdir(os.path.dirname(os.path.abspath(__file__)))
data = (7 * (np.arange(1300) // 5) % 1000).astype("<i2")
made = {}
for name, c in {"zstd": numcodecs.Zstd(3), "gzip": numcodecs.GZip(1), "zlib": numcodecs.Zlib(1), "lz4": numcodecs.LZ4(), "bz2": numcodecs.BZ2(1)}.items():
    made[name] = c.encode(data)
for c in ("blosclz", "lz4", "lz4hc", "zlib", "zstd"):
    for s in (Blosc.NOSHUFFLE, Blosc.SHUFFLE, Blosc.BITSHUFFLE):
        made[f"blosc {c} {s}"] = Blosc(c, 5, s, blocksize=1024).encode(data)
with open("codecs.json", "w") as f:
    json.dump({k: base64.b64encode(v).decode() for k, v in made.items()}, f, indent=0)
t, x, y = np.meshgrid(range(4), range(6), range(5), indexing="ij")
packed = ((100 * t + 10 * x + y) * 2 - 6).astype("i2")
for version, folder in ((2, "two.zarr"), (3, "three.zarr")):
    shutil.rmtree(folder, ignore_errors=True)
    group = zarr.open_group(folder, mode="w", zarr_format=version)
    kw = {"compressors": Blosc("lz4")} if version == 2 else {"compressors": [ZstdCodec(level=3), Crc32cCodec()], "shards": (2, 6, 5)}
    u = group.create_array("flow/u", shape=packed.shape, chunks=(2, 3, 5), dtype="i2", fill_value=-32768, **kw)
    u[:2], u[2:, :3] = packed[:2], packed[2:, :3]
    u.attrs.update(scale_factor=0.5, add_offset=3.0, _FillValue=-32768)
