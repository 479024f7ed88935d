package sample_test

import (
	"context"
	"fmt"
	"math/rand/v2"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/sample"
)

// Training samples from data of any kind: a Source says what fields there are and reads windows, a Sampler mixes sources into batches.
// Batch n is a function of the seed and n, so that nothing but a number is needed to go on where a run stopped.
func ExampleSampler() {
	vocabulary := sample.ReleasedVocabulary()
	sampler, err := sample.New([]sample.Entry{{Source: wave{}, Batch: 2}}, vocabulary, sample.Options{Seed: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	batch, err := sampler.Batch(context.Background(), 5)
	if err != nil {
		fmt.Println(err)
		return
	}
	again, err := sampler.Batch(context.Background(), 5)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(batch.Names, "input", batch.Input.Shape, "output", batch.Output.Shape)
	fmt.Println("the same again:", batch.Input.Data[0] == again.Input.Data[0], batch.Origins[0] == again.Origins[0])
	// Output:
	// [pressure] input [2 2 8 8 1] output [2 1 8 8 1]
	// the same again: true true
}

// wave is a pressure on 8 x 8 points; window i has three frames from frame i on, two to see and one to predict.
type wave struct{}

func (wave) Name() string  { return "wave" }
func (wave) Windows() int  { return 10 }
func (wave) Group(int) int { return 0 }
func (wave) Fields() sample.Fields {
	return sample.Fields{Variable: []field.Field{{Name: "pressure"}}, Axes: []string{"x", "y"}}
}

func (wave) Read(_ context.Context, i int, _ *rand.Rand) (*sample.Window, error) {
	frames := field.NewArray(3, 8, 8, 1)
	for at := range frames.Data {
		frames.Data[at] = float32(i + at/64)
	}
	return &sample.Window{
		Input: field.Array{Shape: []int{2, 8, 8, 1}, Data: frames.Data[:2*64]}, Output: field.Array{Shape: []int{1, 8, 8, 1}, Data: frames.Data[2*64:]},
		Constant: field.NewArray(8, 8, 0), Boundaries: []field.Sides{field.Both(field.Periodic), field.Both(field.Periodic)},
		Origin: fmt.Sprintf("wave, frame %d", i),
	}, nil
}
