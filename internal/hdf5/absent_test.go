package hdf5

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// openTestdata opens a file that testdata/absent.py made.
func openTestdata(t *testing.T, name string) *File {
	t.Helper()
	f, err := Open(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func TestWhatIsNotThereIsNamed(t *testing.T) {
	for _, c := range []struct{ file, array, message string }{
		{"absent.h5", "virtual/gone", "gone.h5"},
		{"absent.h5", "virtual/renamed", "it is not in the file"},
		{"absent.h5", "virtual/short", "takes 6 values of values in the file ., which has 4"},
		{"absent.h5", "virtual/hole", "cover 4 of 8 values"},
		{"absent.h5", "soft", "soft is a link to /nowhere"},
		{"absent.h5", "external", "nowhere.h5, which does not exist"},
		{"absent.h5", "elsewhere", "gone.raw"},
		{"newer.h5", "virtual", "h5repack"},
	} {
		_, err := openTestdata(t, c.file).Dataset(c.array)
		if err == nil || !strings.Contains(err.Error(), c.message) || errors.Is(err, ErrAbsent) {
			t.Errorf("%s: %s: error %v; want one with %q", c.file, c.array, err, c.message)
		}
	}
	for _, name := range []string{"other", "values/other", "group/other"} {
		if _, err := openTestdata(t, "absent.h5").Dataset(name); !errors.Is(err, ErrAbsent) {
			t.Errorf("%s: error %v; want ErrAbsent", name, err)
		}
	}
}

func TestVirtualArraysWithTheirSourcesAreRead(t *testing.T) {
	d, err := openTestdata(t, "absent.h5").Dataset("virtual/whole")
	if err != nil {
		t.Fatal(err)
	}
	values := make([]float32, 4)
	if err := d.ReadFloat32(values, nil); err != nil || values[3] != 3 {
		t.Errorf("values %v, %v; want 0 to 3", values, err)
	}
}

func TestUnwrittenChunksAreCountedAndMarked(t *testing.T) {
	for name, want := range map[string][2]int{"unwritten/plain": {3, 4}, "unwritten/deflated": {3, 4}, "unwritten/all": {1, 1}, "values": {0, 1}} {
		d, err := openTestdata(t, "absent.h5").Dataset(name)
		if err != nil {
			t.Fatal(err)
		}
		missing, total, err := d.Unwritten()
		if err != nil || [2]int{missing, total} != want {
			t.Errorf("%s: %d of %d chunks unwritten, %v; want %v", name, missing, total, err, want)
		}
		n, _ := volume(d.Shape)
		values := make([]float64, n)
		if err := d.ReadFloat64(values, nil); err != nil {
			t.Fatal(err)
		}
		if err := d.MarkUnwritten(values, nil); err != nil {
			t.Fatal(err)
		}
		for i, v := range values {
			written := name == "values" || len(d.Shape) == 2 && i/3 == 1
			if math.IsNaN(v) == written {
				t.Errorf("%s: value %d is %v", name, i, v)
			}
		}
	}
}

func TestGroupsInThemselvesHaveOneID(t *testing.T) {
	f := openTestdata(t, "absent.h5")
	outer, err := f.Members("/")
	if err != nil {
		t.Fatal(err)
	}
	inner, err := f.Members("group")
	if err != nil || len(inner) != 1 {
		t.Fatalf("members %v, %v", inner, err)
	}
	for _, m := range outer {
		if same := m.ID == inner[0].ID; same != (m.Name == "group") {
			t.Errorf("%s has the ID %v, group/itself %v", m.Name, m.ID, inner[0].ID)
		}
	}
}

func TestFilesBeingWrittenAreRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f.h5")
	f, err := Create(path)
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	writer, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	if err := syscall.Flock(int(writer.Fd()), syscall.LOCK_EX); err != nil {
		t.Skip("no file locks here")
	}
	if _, err := Open(path); !errors.Is(err, errBeingWritten) {
		t.Errorf("error %v; want %v", err, errBeingWritten)
	}
	t.Setenv("HDF5_USE_FILE_LOCKING", "FALSE")
	g, err := Open(path)
	if err != nil {
		t.Fatalf("with locks off: %v", err)
	}
	g.Close()
}
