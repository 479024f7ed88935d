package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"image/png"
	"io"
	"math"
	"strings"
	"testing"
)

// wellFormed reports the first error of an XML document.
func wellFormed(r io.Reader) error {
	d := xml.NewDecoder(r)
	for {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

func rolloutSpec(t *testing.T, scores, baseline []float64) LineSpec {
	t.Helper()
	spec, err := RolloutLines("A & <B>", RolloutScores{Name: "shear <flow>", Score: scores, Baseline: baseline})
	if err != nil {
		t.Fatal(err)
	}
	return spec
}

func TestPlotHasTheSizeAndBackgroundAskedFor(t *testing.T) {
	for _, theme := range []Theme{Light(), Dark()} {
		spec := rolloutSpec(t, []float64{0.1, 0.2, 0.3}, []float64{0.2, 0.3, 0.5})
		spec.Theme, spec.Width, spec.Height = theme, 300, 200
		var b bytes.Buffer
		if err := Lines(&b, spec, PNG); err != nil {
			t.Fatal(err)
		}
		picture, err := png.Decode(&b)
		if err != nil {
			t.Fatal(err)
		}
		if size := picture.Bounds().Size(); size.X != 600 || size.Y != 400 {
			t.Errorf("%v pixels, want 600 x 400", size)
		}
		if got := at(picture, 1, 1); got != theme.Background {
			t.Errorf("%s: background %v, want %v", theme.Name, got, theme.Background)
		}
		curve := 0
		for y := range 400 {
			for x := range 600 {
				if at(picture, x, y) == theme.Series[0] {
					curve++
				}
			}
		}
		if curve < 300 {
			t.Errorf("%s: %d pixels have the curve's colour, want at least 300", theme.Name, curve)
		}
	}
}

func TestSVGIsWellFormedAndEscaped(t *testing.T) {
	var b bytes.Buffer
	if err := Lines(&b, rolloutSpec(t, []float64{0.1, 0.2}, nil), SVG); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), "<flow>") || !strings.Contains(b.String(), "shear &lt;flow&gt;") {
		t.Error("the name of the curve is not escaped")
	}
	if err := wellFormed(&b); err != nil {
		t.Errorf("not well-formed: %v", err)
	}
}

func TestRolloutAxisIsLogarithmicOverADecade(t *testing.T) {
	for _, c := range []struct {
		scores []float64
		want   bool
	}{
		{[]float64{0.1, 0.2, 0.9}, false},
		{[]float64{0.01, 0.2, 0.9}, true},
		{[]float64{0, 0.2, math.NaN(), math.Inf(1)}, false},
		{nil, false},
	} {
		if got := rolloutSpec(t, c.scores, nil).LogY; got != c.want {
			t.Errorf("scores %v: logarithmic %v, want %v", c.scores, got, c.want)
		}
	}
}

func TestRolloutLinesComparesEqualNumbersOfSteps(t *testing.T) {
	if _, err := RolloutLines("", RolloutScores{Name: "a", Score: []float64{1, 2}, Baseline: []float64{1}}); err == nil {
		t.Error("two scores beside one of the baseline were accepted")
	}
}

func TestPointsThatCanNotBeDrawnInterruptTheCurve(t *testing.T) {
	y := []float64{1, math.NaN(), 2, 3, 0, math.Inf(1), 4}
	spec := LossLines("", countFrom(0, len(y)), y, []float64{1, 2}, []float64{3, 4})
	p, _, err := newPlot(spec)
	if err != nil {
		t.Fatal(err)
	}
	if p.Y.Min < 0.5 || p.Y.Max > 8 {
		t.Errorf("the axis spans [%g, %g], want a little more than [1, 4]", p.Y.Min, p.Y.Max)
	}
	if err := Lines(io.Discard, spec, PNG); err != nil {
		t.Error(err)
	}
}

func TestPlotsOfUnusualRangesAreDrawn(t *testing.T) {
	for name, spec := range map[string]LineSpec{
		"one point":       {Series: []Series{{X: []float64{3}, Y: []float64{5}}}},
		"constant zero":   {Series: []Series{{X: []float64{1, 2}, Y: []float64{0, 0}}}},
		"constant on log": {LogY: true, Series: []Series{{X: []float64{1, 2}, Y: []float64{2, 2}}}},
		"many decades":    SpectrumLines("", Spectrum{Wavenumber: []float64{0, 1, 2}, Power: []float64{1, 1e-30, 1e30}}),
	} {
		for _, format := range []Format{PNG, SVG} {
			if err := Lines(io.Discard, spec, format); err != nil {
				t.Errorf("%s, %s: %v", name, format, err)
			}
		}
	}
}

func TestImpossiblePlotsAreErrors(t *testing.T) {
	good := []float64{1, 2}
	for name, spec := range map[string]LineSpec{
		"nothing":           {},
		"no finite point":   {Series: []Series{{X: good, Y: []float64{math.NaN(), math.Inf(1)}}}},
		"nothing positive":  {LogY: true, Series: []Series{{X: good, Y: []float64{0, -1}}}},
		"uneven":            {Series: []Series{{X: good, Y: []float64{1}}}},
		"half of the band":  {Series: []Series{{X: good, Y: good, Low: good}}},
		"a band too narrow": {Series: []Series{{X: good, Y: good, Low: good, High: []float64{1}}}},
	} {
		var b bytes.Buffer
		if err := Lines(&b, spec, PNG); err == nil || b.Len() > 0 {
			t.Errorf("%s: error %v and %d bytes, want an error and none", name, err, b.Len())
		}
	}
	if err := Lines(io.Discard, LineSpec{Series: []Series{{X: good, Y: good}}}, "bmp"); err == nil || !strings.Contains(err.Error(), "png or svg") {
		t.Errorf("format bmp: error %v, want one that names the formats", err)
	}
}

func TestDecadesAreLabelled(t *testing.T) {
	for _, c := range []struct {
		low, high float64
		want      string
	}{
		{0.05, 2, "0.05 0.1 0.2 0.5 1 2"},
		{1e-6, 1, "1e−6 1e−5 1e−4 0.001 0.01 0.1 1"},
		{1e4, 1e6, "10000 20000 50000 1e5 2e5 5e5 1e6"},
		{0, 1, ""},
		{20, 60, "20 30 40 50 60"},
	} {
		var labels []string
		for _, tick := range (decadeTicks{}).Ticks(c.low, c.high) {
			if tick.Label != "" {
				labels = append(labels, tick.Label)
			}
		}
		if got := strings.Join(labels, " "); got != c.want {
			t.Errorf("[%g, %g]: %s, want %s", c.low, c.high, got, c.want)
		}
	}
}
