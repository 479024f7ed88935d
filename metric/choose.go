package metric

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gowalrus/walrus/field"
)

// Metric is what a prediction is judged by: one number a channel, or several.
type Metric struct {
	Key   string   // on a command line: "vrmse"
	Names []string // of its numbers, in tables: "VRMSE"
	Grows bool     // with the quality of a prediction; else it is an error, 0 for a perfect prediction
	// Compare gives the numbers [name][channel] of a frame (*N, C).
	Compare func(prediction, truth field.Array) ([][]float64, error)
}

// Of is the metric of one function.
func Of(name string, f Func) Metric {
	return Metric{Key: strings.ToLower(name), Names: []string{name}, Compare: func(prediction, truth field.Array) ([][]float64, error) {
		values, err := f(prediction, truth)
		return [][]float64{values}, err
	}}
}

// All lists the metrics. epsilon is that of NMSE, NRMSE, NMAE and PearsonR; VMSE, VRMSE and the spectral error have their own.
func All(epsilon float64) []Metric {
	list := []Metric{
		Of("VRMSE", VRMSE), Of("VMSE", VMSE), Of("NRMSE", NRMSE(epsilon)), Of("NMSE", NMSE(epsilon)), Of("NMAE", NMAE(epsilon)),
		Of("RMSE", RMSE), Of("MSE", MSE), Of("MAE", MAE), Of("LInfinity", LInfinity), Of("PearsonR", PearsonR(epsilon)),
	}
	list[len(list)-2].Key = "linf"
	list[len(list)-1].Key, list[len(list)-1].Grows = "pearson", true
	return append(list, spectral())
}

// Keys names all metrics as Parse reads them.
func Keys() string {
	var keys []string
	for _, m := range All(Epsilon) {
		keys = append(keys, m.Key)
	}
	return strings.Join(keys, ", ")
}

// Parse reads a list such as "vrmse,nrmse,spectral", each metric once.
func Parse(text string, epsilon float64) ([]Metric, error) {
	all := All(epsilon)
	var list []Metric
	for _, key := range strings.Split(text, ",") {
		key = strings.ToLower(strings.TrimSpace(key))
		i := slices.IndexFunc(all, func(m Metric) bool { return m.Key == key || strings.ToLower(m.Names[0]) == key })
		if i < 0 {
			return nil, fmt.Errorf("metric: %q; expected a list of %s", key, Keys())
		}
		if slices.ContainsFunc(list, func(m Metric) bool { return m.Key == all[i].Key }) {
			return nil, fmt.Errorf("metric: %s is listed twice", all[i].Key)
		}
		list = append(list, all[i])
	}
	return list, nil
}

// spectral is the error by wavelength: MSE and NMSE of each band, the longest waves first.
func spectral() Metric {
	m := Metric{Key: "spectral"}
	for _, kind := range []string{"MSE", "NMSE"} {
		for band := range SpectralBins {
			m.Names = append(m.Names, fmt.Sprintf("spectral %s %d", kind, band))
		}
	}
	m.Compare = func(prediction, truth field.Array) ([][]float64, error) {
		s, err := Spectral(prediction, truth)
		return append(slices.Clone(s.MSE[:]), s.NMSE[:]...), err
	}
	return m
}
