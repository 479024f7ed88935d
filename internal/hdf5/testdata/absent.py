"""Makes absent.h5 and newer.h5 beside this file (h5py 3.16, HDF5 2.0): what files have that is not there.

absent.h5   virtual arrays whose sources are missing, too short, or leave holes; links that lead nowhere; groups in each other;
            chunks that were never written
newer.h5    a virtual array in an encoding that HDF5 1.10 can not read
"""
import os
import h5py, numpy as np

os.chdir(os.path.dirname(os.path.abspath(__file__)))
with h5py.File("absent.h5", "w") as f:
    f["values"] = np.arange(4, dtype="f4")
    f["soft"], f["external"] = h5py.SoftLink("/nowhere"), h5py.ExternalLink("nowhere.h5", "/values")
    f["group/itself"] = f.create_group("group")
    for name, sources in {"gone": [("gone.h5", "values", 4)], "renamed": [(".", "other", 4)], "short": [(".", "values", 6)], "hole": [(".", "values", 4)], "whole": [(".", "values", 4)]}.items():
        layout = h5py.VirtualLayout((8 if name == "hole" else sources[0][2],), "f4")
        for source, array, n in sources:
            layout[:n] = h5py.VirtualSource(source, array, (n,))
        f.create_virtual_dataset("virtual/" + name, layout, fillvalue=0)
    for name, kw in {"plain": {}, "deflated": {"compression": "gzip"}}.items():
        d = f.create_dataset("unwritten/" + name, (4, 3), "f4", chunks=(1, 3), **kw)
        d[1] = 1
    f.create_dataset("unwritten/all", (4,), "f4")
    f.create_dataset("elsewhere", (4,), "f4", external=[("gone.raw", 0, 16)])
with h5py.File("newer.h5", "w", libver="latest") as f:
    layout = h5py.VirtualLayout((4,), "f4")
    layout[:2] = h5py.VirtualSource("source.h5", "values", (2,))
    f.create_virtual_dataset("virtual", layout)
