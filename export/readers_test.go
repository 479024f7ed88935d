package export

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/well"
)

// python runs a script with the interpreter that WALRUS_TEST_PYTHON names, if that has the modules.
func python(t *testing.T, script string, arguments ...string) {
	t.Helper()
	interpreter := os.Getenv("WALRUS_TEST_PYTHON")
	if interpreter == "" {
		t.Skip("WALRUS_TEST_PYTHON names no Python with vtk, xarray and h5netcdf, or the_well; readers of others are not tried")
	}
	out, err := exec.Command(interpreter, append([]string{"-c", script}, arguments...)...).CombinedOutput()
	if code := (*exec.ExitError)(nil); errors.As(err, &code) && code.ExitCode() == 77 {
		t.Skipf("%s lacks a module: %s", interpreter, out)
	}
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	t.Logf("%s", out)
}

// The formula of value, for scripts.
const formula = `
import sys
def need(name):
    try:
        return __import__(name)
    except ImportError as e:
        print(e); sys.exit(77)
def value(name, frame, at, component):
    return len(name) + component/8 + 100*frame + sum(n*10.0**-i for i, n in enumerate(at))
def same(got, want, what):
    assert abs(got-want) <= 1e-6*abs(want), (what, got, want)
`

// ParaView and VisIt read XDMF by the library that VTK's reader uses.
func TestVTKReadsXDMF(t *testing.T) {
	for name, axes := range map[string][]well.Axis{"plane": plane, "box": {line("x", 4, 0.25, 0.5), line("y", 3, 1, 2), line("z", 2, 0, 1)}} {
		t.Run(name, func(t *testing.T) {
			path := write(t, well.Cartesian, axes)
			files, err := XDMF(path, 1)
			if err != nil {
				t.Fatal(err)
			}
			python(t, formula+`
vtk = need("vtk")
r = vtk.vtkXdmfReader() if hasattr(vtk, "vtkXdmfReader") else vtk.vtkXdmf3Reader()
print(type(r).__name__)
r.SetFileName(sys.argv[1]); r.UpdateInformation()
key = vtk.vtkStreamingDemandDrivenPipeline.TIME_STEPS()
info = r.GetOutputInformation(0)
times = [info.Get(key, i) for i in range(info.Length(key))]
assert times == [0.5, 1.0, 2.0], times
r.UpdateTimeStep(2.0)
g = r.GetOutputDataObject(0)
while not hasattr(g, "GetCellData") or g.IsA("vtkCompositeDataSet"):
    g = g.GetBlock(0)
print(g.GetClassName(), g.GetBounds())
density, velocity = g.GetCellData().GetArray("density"), g.GetCellData().GetArray("velocity")
assert velocity.GetNumberOfComponents() == 3
three = sys.argv[2] == "box"
assert g.GetNumberOfCells() == (24 if three else 12)
b = [0.0]*6
for i in range(g.GetNumberOfCells()):
    g.GetCellBounds(i, b)
    x, y, z = (b[0]+b[1])/2, (b[2]+b[3])/2, (b[4]+b[5])/2
    at = [round((x-0.25)/0.5), round((y-1)/2)] + ([round(z)] if three else [])
    same(density.GetTuple1(i), value("density", 12, at, 0), ("density", at))
    for c in range(3):
        same(velocity.GetTuple(i)[c] + 1, (value("velocity", 12, at, c) if c < len(at) else 0) + 1, ("velocity", at, c))
print("every cell is in its place")
`, files[0], name)
		})
	}
}

func TestVTKReadsImages(t *testing.T) {
	path := write(t, well.Cartesian, []well.Axis{line("x", 4, 0.25, 0.5), line("y", 3, 1, 2), line("z", 2, 0, 1)})
	out := filepath.Join(t.TempDir(), "a.vti")
	if err := VTI(path, 1, 2, out); err != nil {
		t.Fatal(err)
	}
	python(t, formula+`
vtk = need("vtk")
r = vtk.vtkXMLImageDataReader(); r.SetFileName(sys.argv[1]); r.Update()
g = r.GetOutput()
assert g.GetDimensions() == (5, 4, 3), g.GetDimensions()
for i in range(24):
    at = [i % 4, i // 4 % 3, i // 12]
    same(g.GetCellData().GetArray("density").GetTuple1(i), value("density", 12, at, 0), at)
    for c in range(3):
        same(g.GetCellData().GetArray("velocity").GetTuple(i)[c], value("velocity", 12, at, c), at)
    for c in range(9):
        same(g.GetCellData().GetArray("D").GetTuple(i)[c], value("D", 12, at, c), at)
print("every cell is in its place")
`, out)
}

func TestXarrayOpensNetCDFLazily(t *testing.T) {
	path := write(t, well.Cartesian, plane)
	out := filepath.Join(t.TempDir(), "a.nc")
	if err := NetCDF(path, 1, out, Units{"velocity": "m s-1", "time": "s"}); err != nil {
		t.Fatal(err)
	}
	for _, engine := range []string{"h5netcdf", "netcdf4"} {
		t.Run(engine, func(t *testing.T) {
			python(t, formula+`
xarray = need("xarray"); need({"netcdf4": "netCDF4"}.get(sys.argv[2], sys.argv[2]))
d = xarray.open_dataset(sys.argv[1], engine=sys.argv[2], decode_times=False)
v = d["velocity_y"]
assert not v.variable._in_memory
assert v.dims == ("time", "x", "y") and v.attrs["units"] == "m s-1" and d.attrs["Conventions"].startswith("CF-"), d
assert list(d["time"].values) == [0.5, 1, 2] and list(d["y"].values) == [1, 3, 5] and d["x"].attrs["axis"] == "X"
for x in range(4):
    for y in range(3):
        same(float(v.isel(time=2, x=x, y=y)), value("velocity", 12, [x, y], 1), (x, y))
assert abs(float(d["density"].sel(time=1, x=0.75, y=3)) - value("density", 11, [1, 1], 0)) < 1e-3
assert d["mask"].dims == ("x", "y")
print(d)
`, out, engine)
		})
	}
}

// The Well's own loader, on a file that was cut and carries notes, as a rollout that stopped early leaves it.
func TestTheWellReadsCutFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data", "flow.hdf5")
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	h := well.Header{DatasetName: "flow", GridType: well.Cartesian, Axes: plane, Time: []float32{0, 1, 2, 3, 4}, Trajectories: 1,
		Fields: []well.FieldInfo{{Field: field.Field{Name: "density"}, TimeVarying: true, SampleVarying: true}, {Field: field.Field{Name: "velocity", Rank: field.Vector}, TimeVarying: true, SampleVarying: true}}}
	h.Boundaries = well.BoundaryGroups(plane, []field.Sides{field.Both(field.Periodic), field.Both(field.Wall)})
	w, err := well.Create(path, h)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	for frame := range 3 {
		for _, f := range h.Fields {
			if err := w.WriteFrame(0, frame, f.Name, values(f.Field, frame, plane)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := errors.Join(w.Truncate(3), w.Note("walrus_stopped", `{"step":4}`), w.Close()); err != nil {
		t.Fatal(err)
	}
	python(t, formula+`
need("the_well"); need("torch")
from the_well.data import WellDataset
d = WellDataset(path=sys.argv[1], n_steps_input=2, n_steps_output=1, use_normalization=False)
assert len(d) == 1, len(d)
s = d[0]
frames = s["output_fields"]
assert tuple(frames.shape) == (1, 4, 3, 3), frames.shape
for x in range(4):
    for y in range(3):
        same(float(frames[0, x, y, 0]), value("density", 2, [x, y], 0), (x, y))
        same(float(frames[0, x, y, 2]), value("velocity", 2, [x, y], 1), (x, y))
print("every value is in its place")
`, filepath.Dir(path))
}
