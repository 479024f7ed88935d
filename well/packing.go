package well

import (
	"fmt"

	"github.com/gowalrus/walrus/internal/cf"
	"github.com/gowalrus/walrus/internal/hdf5"
)

// packingOf reads the attributes of a data set that change what its numbers mean. The Well's files should have none.
func packingOf(f *hdf5.File, path string, d *hdf5.Dataset) (cf.Packing, error) {
	attributes, err := f.Attributes(path)
	if err != nil {
		return cf.Plain(), fromLibrary(path, err)
	}
	element := cf.Element{Float: d.Type.Class == hdf5.Float, Unsigned: d.Type.Unsigned, Size: d.Type.Size}
	p, _, err := cf.Read(cf.FromHDF5(attributes), element, false, nil)
	return p, err
}

// refusePacked reports a field whose attributes change its values: neither this program nor The Well's own readers apply
// them, so that training would be on other numbers than its author meant.
func refusePacked(f *hdf5.File, path string, d *hdf5.Dataset) error {
	p, err := packingOf(f, path, d)
	if err == nil && p.Changes() {
		err = fmt.Errorf("attributes scale_factor, add_offset or _Unsigned change its values, and readers of the format do not apply them; write the values themselves, with walrus data import")
	}
	if err != nil {
		return wrong(path, "%w", err)
	}
	return nil
}
