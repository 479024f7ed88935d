package metric_test

import (
	"fmt"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/metric"
)

// The VRMSE is 0 for a perfect prediction, and sqrt(1 - 1/n) on n points, nearly 1, for one that knows the truth's mean and nothing else:
// the variance it divides by is the unbiased one. There is one number a channel.
func ExampleVRMSE() {
	truth := field.NewArray(4, 4, 2) // 4 x 4 points, 2 channels
	for i := range 16 {
		truth.Data[2*i], truth.Data[2*i+1] = float32(i), float32(i%4)
	}
	prediction := truth.Clone()
	for i := range 16 {
		prediction.Data[2*i] = 7.5 // the mean of the first channel
	}
	values, err := metric.VRMSE(prediction, truth)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%.3f\n", values)
	// Output: [0.968 0.000]
}

// A list of metrics as on the command line, all computed from the same frames.
func ExampleParse() {
	list, err := metric.Parse("vrmse,linf", metric.Epsilon)
	if err != nil {
		fmt.Println(err)
		return
	}
	truth := field.NewArray(2, 2, 1)
	copy(truth.Data, []float32{1, 2, 3, 4})
	prediction := field.NewArray(2, 2, 1)
	copy(prediction.Data, []float32{2, 4, 6, 8})
	for _, m := range list {
		values, err := m.Compare(prediction, truth)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%s %.3f, larger is better: %v\n", m.Names[0], values[0][0], m.Grows)
	}
	_, err = metric.Parse("r2", metric.Epsilon)
	fmt.Println(err)
	// Output:
	// VRMSE 2.121, larger is better: false
	// LInfinity 4.000, larger is better: false
	// metric: "r2"; expected a list of vrmse, vmse, nrmse, nmse, nmae, rmse, mse, mae, linf, pearson, spectral
}
