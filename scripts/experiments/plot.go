package main

import (
	"bytes"
	"cmp"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"path/filepath"
	"slices"

	"github.com/gowalrus/walrus/internal/atomicfile"
	"github.com/gowalrus/walrus/metric"
	"github.com/gowalrus/walrus/report"
)

// extend adds a point to a curve: the median over the seeds, between the least and the greatest.
func extend(s report.Series, x float64, rows []row, persistence *float64) report.Series {
	if len(rows) == 0 {
		return s
	}
	var values []float64
	for _, m := range rows {
		values = append(values, m.value)
		if persistence != nil {
			*persistence = m.persistence
		}
	}
	s.X, s.Y = append(s.X, x), append(s.Y, metric.Median(values))
	s.Low, s.High = append(s.Low, slices.Min(values)), append(s.High, slices.Max(values))
	return s
}

// appendDrawn adds a curve that has points.
func appendDrawn(list []report.Series, s report.Series) []report.Series {
	if len(s.X) == 0 {
		return list
	}
	return append(list, s)
}

// plotArms draws the scores of an experiment on the data set of the title, a curve for each arm and a point for each place on the horizontal axis.
func (l *lab) plotArms(experiment, prefix string, arms []arm, places []int, spec report.LineSpec) error {
	for _, a := range arms {
		s := report.Series{Name: prefix + a.name}
		for _, at := range places {
			s = extend(s, float64(at), l.results.where(func(m row) bool {
				return m.experiment == experiment && m.dataSet == spec.Title && m.arm == a.name && m.at == float64(at)
			}), &spec.Level)
		}
		spec.Series = appendDrawn(spec.Series, s)
	}
	if len(spec.Series) == 0 {
		return nil
	}
	spec.YLabel, spec.LogY, spec.LevelName = "VRMSE one step ahead", true, "persistence"
	return l.plot(onSet(experiment, spec.Title), spec)
}

// onSet names an experiment's plot, with the data set where it is another than the usual one.
func onSet(experiment, dataSet string) string {
	if dataSet == sound {
		return experiment
	}
	return experiment + "-" + dataSet
}

// plot writes OUT/NAME.png.
func (l *lab) plot(name string, spec report.LineSpec) error {
	path := filepath.Join(l.out, name+".png")
	f, err := atomicfile.Create(path)
	if err != nil {
		return err
	}
	defer f.Discard()
	spec.Theme, spec.Width, spec.Height = report.Light(), 560, 300
	var drawn bytes.Buffer
	if err := report.Lines(&drawn, spec, report.PNG); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if err := shrink(f, &drawn); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return f.Commit()
}

// shrink writes a PNG with the 256 most frequent of its colours, since pictures lie in the repository. A plot has few but along its edges.
func shrink(w io.Writer, r io.Reader) error {
	full, err := png.Decode(r)
	if err != nil {
		return err
	}
	area := full.Bounds()
	at := func(x, y int) color.RGBA { // in steps of 8, but white and black stay
		red, green, blue, _ := full.At(x, y).RGBA()
		level := func(v uint32) uint8 { return uint8((v>>11)<<3 | v>>13) }
		return color.RGBA{level(red), level(green), level(blue), 255}
	}
	count := map[color.RGBA]int{}
	for y := area.Min.Y; y < area.Max.Y; y++ {
		for x := area.Min.X; x < area.Max.X; x++ {
			count[at(x, y)]++
		}
	}
	var colours []color.RGBA
	for c := range count {
		colours = append(colours, c)
	}
	slices.SortFunc(colours, func(a, b color.RGBA) int { // the colour itself last, so that a picture is the same each time
		return cmp.Or(cmp.Compare(count[b], count[a]), cmp.Compare(a.R, b.R), cmp.Compare(a.G, b.G), cmp.Compare(a.B, b.B))
	})
	var palette color.Palette
	for _, c := range colours[:min(256, len(colours))] {
		palette = append(palette, c)
	}
	small := image.NewPaletted(area, palette)
	index := map[color.RGBA]uint8{}
	for _, c := range colours {
		index[c] = uint8(palette.Index(c))
	}
	for y := area.Min.Y; y < area.Max.Y; y++ {
		for x := area.Min.X; x < area.Max.X; x++ {
			small.SetColorIndex(x, y, index[at(x, y)])
		}
	}
	encoder := png.Encoder{CompressionLevel: png.BestCompression}
	return encoder.Encode(w, small)
}
