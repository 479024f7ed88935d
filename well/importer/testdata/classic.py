"""Makes classic1.nc, classic2.nc and classic5.nc beside this file (netCDF4): the same variables in the versions of the classic format.

u (time, x, y) = 100 time + 10 x + y, of floats; k the same as packed shorts (stored = 2 * value - 3); odd: 5 bytes a record, which
are padded; time is the record dimension, 0, 0.5, 1.
"""
import os
import netCDF4, numpy as np

os.chdir(os.path.dirname(os.path.abspath(__file__)))
for version, kind in {1: "NETCDF3_CLASSIC", 2: "NETCDF3_64BIT_OFFSET", 5: "NETCDF3_64BIT_DATA"}.items():
    with netCDF4.Dataset(f"classic{version}.nc", "w", format=kind) as d:
        for name, n in (("time", None), ("x", 4), ("y", 5)):
            d.createDimension(name, n)
        t, x, y = np.meshgrid(range(3), range(4), range(5), indexing="ij")
        u = (100 * t + 10 * x + y).astype("f4")
        d.createVariable("u", "f4", ("time", "x", "y"))[:] = u
        d.createVariable("odd", "i1", ("time", "y"))[:] = 1
        k = d.createVariable("k", "i2", ("time", "x", "y"))
        k.set_auto_maskandscale(False)
        k.scale_factor, k.add_offset, k.units = 0.5, 1.5, "m"
        k[:] = 2 * u - 3
        d.createVariable("time", "f8", ("time",))[:] = np.arange(3) * 0.5
