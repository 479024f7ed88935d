package report

import (
	"bytes"
	"compress/flate"
	"encoding/base64"
	"fmt"
	"math"
)

// A film's values are packed in one byte each: 0 to levels for the scale from end to end, notFiniteByte for what is no number. Each row is
// then predicted from its neighbours (Weinberger, Seroussi and Sapiro 2000, the median edge detector of JPEG-LS), and only the residuals are
// compressed, by deflate: smooth fields take a quarter of a byte a value. The page's script undoes both.
const (
	levels        = 254
	notFiniteByte = 255
)

// quantise writes values as bytes of a scale.
func quantise(values []float32, s Scale) []byte {
	out := make([]byte, len(values))
	for i, v := range values {
		x := float64(v)
		if !finite(x) {
			out[i] = notFiniteByte
			continue
		}
		out[i] = byte(math.Round(levels * min(max((x-s.Low)/(s.High-s.Low), 0), 1)))
	}
	return out
}

// residuals replaces every byte by its difference from what its neighbours predict, modulo 256. width is the extent of the last axis.
func residuals(plane []byte, width int) []byte {
	out := make([]byte, len(plane))
	for i, v := range plane {
		out[i] = v - predicted(plane, i, width)
	}
	return out
}

// predicted is the median of the left neighbour, the upper one, and left + upper - upper left.
func predicted(plane []byte, i, width int) byte {
	var left, up, corner byte
	if i%width > 0 {
		left = plane[i-1]
	}
	if i >= width {
		up = plane[i-width]
		if i%width > 0 {
			corner = plane[i-width-1]
		} else {
			return up
		}
	} else {
		return left
	}
	switch {
	case corner >= max(left, up):
		return min(left, up)
	case corner <= min(left, up):
		return max(left, up)
	}
	return left + up - corner
}

// add packs one field of a film: the values of every column, on their scales.
func (f *Film) add(r *reel, at int, q quantity) error {
	truth, prediction, difference := noValues(), noValues(), noValues()
	var errors [][]float32
	for i, values := range r.truth[at] {
		truth.add(values)
		if !r.paired {
			continue
		}
		prediction.add(r.prediction[at][i])
		e := make([]float32, len(values))
		for k, v := range r.prediction[at][i] {
			e[k] = v - values[k]
		}
		difference.add(e)
		errors = append(errors, e)
	}
	view := fieldView{Name: printable(q.name)}
	if r.Units != nil {
		view.Unit = r.unit(q)
	}
	scales := []Scale{valueScale(truth).marked(prediction)}
	if r.paired {
		scales = append(scales, errorScale(truth.span(), difference))
	}
	for _, s := range scales {
		view.Scales = append(view.Scales, barOf(s))
	}
	for i, part := range []struct {
		frames [][]float32
		scale  int
	}{{r.truth[at], 0}, {r.prediction[at], 0}, {errors, 1}}[:len(r.columns())] {
		b := blob{ID: fmt.Sprintf("%d-%d", at, i)}
		var err error
		if b.Data, err = pack(part.frames, r.small[len(r.small)-1], scales[part.scale]); err != nil {
			return fmt.Errorf("report: film %q: %w", r.Name, err)
		}
		view.Blobs = append(view.Blobs, b.ID)
		f.blobs = append(f.blobs, b)
	}
	r.truth[at], r.prediction[at] = nil, nil // packed
	f.view.Fields = append(f.view.Fields, view)
	return nil
}

// unit is that of a channel, or of a vector's magnitude, whose components share one. A curl has none that could be named.
func (r *reel) unit(q quantity) string {
	switch {
	case q.channel >= 0:
		return printable(r.Units[q.channel])
	case !q.curl:
		return printable(r.Units[q.vector.Channels[0]])
	}
	return ""
}

// pack compresses the frames of one column.
func pack(frames [][]float32, width int, s Scale) (string, error) {
	var out bytes.Buffer
	text := base64.NewEncoder(base64.StdEncoding, &out)
	w, err := flate.NewWriter(text, flate.DefaultCompression)
	if err != nil {
		return "", err
	}
	for _, values := range frames {
		if _, err := w.Write(residuals(quantise(values, s), width)); err != nil {
			return "", err
		}
	}
	if err := w.Close(); err != nil {
		return "", err
	}
	if err := text.Close(); err != nil {
		return "", err
	}
	return out.String(), nil
}

// barTickCount is the number of labels that a colour bar on a page has room for.
const barTickCount = 5

// barOf is a scale with its ticks.
func barOf(s Scale) scaleBar {
	bar := scaleBar{Map: s.Map.Name(), Low: s.Low, High: s.High, Below: s.Below, Above: s.Above, Ticks: []tickView{}}
	for _, t := range niceTicks(s.Low, s.High, 0, barTickCount) {
		bar.Ticks = append(bar.Ticks, tickView{t.value, t.label})
	}
	return bar
}

// mapsView has the colours of all maps for the page's script: levels + 1 each, as base64 of three bytes a colour.
func mapsView() map[string]string {
	all := map[string]string{}
	for _, m := range []*Colormap{Sequential(), Signed(), ErrorMap()} {
		var table []byte
		for i := range levels + 1 {
			c := m.At((float64(i) + 0.5) / (levels + 1))
			table = append(table, c.R, c.G, c.B)
		}
		all[m.Name()] = base64.StdEncoding.EncodeToString(table)
	}
	return all
}
