package compare

import (
	"github.com/gowalrus/walrus/surrogate"
	"github.com/gowalrus/walrus/well"
)

// Model is what predicts: a surrogate.Model is one.
type Model interface {
	// Fits reports data that the model can not take.
	Fits(d *well.Dataset) error
	For(d *well.Dataset) (surrogate.Setting, error)
	Close()
}

// Entrant is a model of a comparison.
type Entrant struct {
	Name string // heads its rows
	Path string // of the weights, or the name of a model without any; for messages
	// Identity tells its weights and configuration from all others (WeightsIdentity).
	Identity string
	Open     func() (Model, error)
}

// Data is a data set of a comparison. All models see the same files of it, whatever some of them were trained on.
type Data struct {
	Path    string
	Split   string // "" for data without splits
	Include []string
	Exclude []string
}

func (d Data) open() (*well.Dataset, error) {
	return well.OpenDataset(d.Path, d.Split, well.Options{Include: d.Include, Exclude: d.Exclude})
}
