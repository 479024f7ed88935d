package report

import (
	"errors"
	"fmt"
	"image/color"
	"io"
	"math"
	"strings"

	imagefont "golang.org/x/image/font"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"
)

// Series is one curve. Points that are not finite, or not positive on a logarithmic axis, interrupt it.
type Series struct {
	Name string
	X, Y []float64
	// Low and High, where given, bound a band that is shaded around the curve (quartiles over trajectories, the spread of an ensemble).
	Low, High []float64
	// Dashed marks what is there for comparison: a baseline, the validation beside the training loss.
	Dashed bool
	// Color is the place in the theme's colours, from 1; 0 takes the next one. Curves that belong together can share a colour.
	Color int
}

// LineSpec says what a line plot shows.
type LineSpec struct {
	Title, XLabel, YLabel string
	Series                []Series
	LogX, LogY            bool
	// WholeX keeps the ticks of the horizontal axis at whole numbers (steps).
	WholeX bool
	// Level, where positive, draws a thin horizontal line there, named LevelName: VRMSE = 1 is the score of the mean, say.
	Level     float64
	LevelName string
	Theme     Theme
	// Width and Height are in pixels at scale 1 (default 640 x 360).
	Width, Height int
}

// Format is the file format of a line plot.
type Format string

const (
	PNG Format = "png" // two image pixels for one of the spec's
	SVG Format = "svg"
)

// ErrNoPoint is in the error of a plot that has nothing to show.
var ErrNoPoint = errors.New("a point to draw")

// Lines draws curves to w. Errors: no finite point at all (ErrNoPoint), lengths of X and Y that differ, an unknown format.
func Lines(w io.Writer, spec LineSpec, format Format) error {
	p, legend, err := newPlot(spec)
	if err != nil {
		return err
	}
	width, height := spec.Width, spec.Height
	if width <= 0 {
		width = 640
	}
	if height <= 0 {
		height = 360
	}
	// vg measures in points of 1/72 inch; one point stands for one pixel here.
	var canvas interface {
		vg.CanvasSizer
		io.WriterTo
	}
	switch format {
	case PNG:
		canvas = vgimg.PngCanvas{Canvas: vgimg.NewWith(vgimg.UseWH(vg.Length(width), vg.Length(height)), vgimg.UseDPI(144))}
	case SVG:
		canvas = vgsvg.New(vg.Length(width), vg.Length(height))
	default:
		return fmt.Errorf("report: plot format %q; expected png or svg", format)
	}
	area := draw.New(canvas)
	area.SetColor(p.BackgroundColor)
	area.Fill(area.Rectangle.Path())
	inner := draw.Crop(area, 14, -16, 12, -12)
	// The legend stands beside the curves, where it hides none.
	beside := draw.Crop(inner, inner.Max.X-inner.Min.X-legend.Rectangle(inner).Size().X, 0, 0, 0)
	legend.Draw(beside)
	p.Draw(draw.Crop(inner, 0, beside.Min.X-inner.Max.X-legendGap, 0, 0))
	if _, err := canvas.WriteTo(w); err != nil {
		return fmt.Errorf("report: plot: %w", err)
	}
	return nil
}

// legendGap is between the plot and its legend.
const legendGap = 14

func newPlot(spec LineSpec) (*plot.Plot, *plot.Legend, error) {
	theme := spec.Theme.orLight()
	p := plot.New()
	stylePlot(p, spec, theme)
	legend := newLegend(theme)
	p.Add(gridLines{theme.Line})
	drawn := 0
	for i, s := range spec.Series {
		if len(s.X) != len(s.Y) || (s.Low != nil || s.High != nil) && (len(s.Low) != len(s.X) || len(s.High) != len(s.X)) {
			return nil, nil, fmt.Errorf("report: curve %q: %d x, %d y, %d low and %d high values; expected equal numbers", s.Name, len(s.X), len(s.Y), len(s.Low), len(s.High))
		}
		at := i
		if s.Color > 0 {
			at = s.Color - 1
		}
		n, err := addSeries(p, legend, spec, s, theme.Series[at%len(theme.Series)])
		if err != nil {
			return nil, nil, fmt.Errorf("report: curve %q: %w", s.Name, err)
		}
		drawn += n
	}
	if drawn == 0 {
		return nil, nil, fmt.Errorf("report: plot %q: none of the %d curves has %w", spec.Title, len(spec.Series), ErrNoPoint)
	}
	widen(&p.X, spec.LogX)
	widen(&p.Y, spec.LogY)
	if spec.Level > 0 {
		if err := addLevel(p, legend, spec, theme); err != nil {
			return nil, nil, fmt.Errorf("report: plot %q: %w", spec.Title, err)
		}
	}
	return p, legend, nil
}

// stylePlot sets fonts, colours and axes.
func stylePlot(p *plot.Plot, spec LineSpec, theme Theme) {
	p.BackgroundColor = theme.Background
	p.Title.Text = spec.Title
	p.Title.TextStyle.Font = sans(13)
	p.Title.TextStyle.Font.Weight = imagefont.WeightBold
	p.Title.TextStyle.Color = theme.Text
	p.Title.Padding = 8
	for _, axis := range []struct {
		*plot.Axis
		label string
		log   bool
		whole bool
	}{{&p.X, spec.XLabel, spec.LogX, spec.WholeX}, {&p.Y, spec.YLabel, spec.LogY, false}} {
		axis.Label.Text = axis.label
		axis.Label.TextStyle.Font = sans(12)
		axis.Label.TextStyle.Color = theme.Muted
		axis.Label.Padding = 4
		axis.LineStyle.Color = theme.Line
		axis.Tick.LineStyle.Color = theme.Line
		axis.Tick.Label.Font = sans(11)
		axis.Tick.Label.Color = theme.Muted
		axis.Tick.Marker = plainTicks{axis.whole}
		axis.Padding = 0
		if axis.log {
			axis.Scale = plot.LogScale{}
			axis.Tick.Marker = decadeTicks{}
		}
	}
}

func newLegend(theme Theme) *plot.Legend {
	legend := plot.NewLegend()
	legend.TextStyle.Font = sans(12)
	legend.TextStyle.Color = theme.Text
	legend.Top, legend.Left = true, true
	legend.YOffs = -20 // level with the axis, below the title
	legend.Padding = 4
	legend.ThumbnailWidth = 22
	return &legend
}

func sans(size vg.Length) font.Font {
	return font.Font{Typeface: "Liberation", Variant: "Sans", Size: size}
}

// addSeries draws one curve, in pieces where it is interrupted, and returns how many points it has.
func addSeries(p *plot.Plot, legend *plot.Legend, spec LineSpec, s Series, c color.RGBA) (int, error) {
	usable := func(i int) bool {
		return finite(s.X[i]) && finite(s.Y[i]) && (!spec.LogX || s.X[i] > 0) && (!spec.LogY || s.Y[i] > 0)
	}
	points, named := 0, false
	for from := 0; from < len(s.X); {
		to := from
		for to < len(s.X) && usable(to) {
			to++
		}
		if to == from {
			from++
			continue
		}
		if err := addBand(p, spec, s, from, to, c); err != nil {
			return 0, err
		}
		line, dots, err := newLine(s, from, to, c)
		if err != nil {
			return 0, err
		}
		p.Add(line)
		if to-from <= 40 && !s.Dashed {
			p.Add(dots) // few points: show where they are
		}
		if !named && s.Name != "" {
			legend.Add(s.Name, line)
			named = true
		}
		points += to - from
		from = to
	}
	return points, nil
}

func newLine(s Series, from, to int, c color.RGBA) (*plotter.Line, *plotter.Scatter, error) {
	xys := make(plotter.XYs, to-from)
	for i := range xys {
		xys[i] = plotter.XY{X: s.X[from+i], Y: s.Y[from+i]}
	}
	line, dots, err := plotter.NewLinePoints(xys)
	if err != nil {
		return nil, nil, err
	}
	line.LineStyle = draw.LineStyle{Color: c, Width: 2}
	if s.Dashed {
		line.LineStyle.Width = 1.5
		line.LineStyle.Dashes = []vg.Length{5, 4}
	}
	dots.GlyphStyle = draw.GlyphStyle{Color: c, Radius: 2.5, Shape: draw.CircleGlyph{}}
	return line, dots, nil
}

// addBand shades the area between Low and High under a piece of a curve, where all of it can be drawn.
func addBand(p *plot.Plot, spec LineSpec, s Series, from, to int, c color.RGBA) error {
	if s.Low == nil || to-from < 2 {
		return nil
	}
	outline := make(plotter.XYs, 0, 2*(to-from))
	for i := from; i < to; i++ {
		outline = append(outline, plotter.XY{X: s.X[i], Y: s.High[i]})
	}
	for i := to - 1; i >= from; i-- {
		outline = append(outline, plotter.XY{X: s.X[i], Y: s.Low[i]})
	}
	for _, v := range outline {
		if !finite(v.Y) || spec.LogY && v.Y <= 0 {
			return nil
		}
	}
	band, err := plotter.NewPolygon(outline)
	if err != nil {
		return err
	}
	band.Color = color.NRGBA{c.R, c.G, c.B, 0x30}
	band.LineStyle.Width = 0
	p.Add(band)
	return nil
}

func addLevel(p *plot.Plot, legend *plot.Legend, spec LineSpec, theme Theme) error {
	line, err := plotter.NewLine(plotter.XYs{{X: p.X.Min, Y: spec.Level}, {X: p.X.Max, Y: spec.Level}})
	if err != nil {
		return err
	}
	line.LineStyle = draw.LineStyle{Color: theme.Muted, Width: 1, Dashes: []vg.Length{1.5, 3}}
	p.Add(line)
	if spec.LevelName != "" {
		legend.Add(spec.LevelName, line)
	}
	widen(&p.Y, spec.LogY)
	return nil
}

// widen gives an axis a little room, and a range where all its values are equal.
func widen(axis *plot.Axis, log bool) {
	low, high := axis.Min, axis.Max
	if log {
		low, high = math.Log10(low), math.Log10(high)
	}
	room := 0.02 * (high - low)
	if room == 0 {
		room = max(0.5, math.Abs(low)/2)
		if log {
			room = 0.5
		}
	}
	low, high = low-room, high+room
	if log {
		low, high = math.Pow(10, low), math.Pow(10, high)
	}
	axis.Min, axis.Max = low, high
}

// plainTicks are the ticks of the colour bars, for a linear axis.
type plainTicks struct{ whole bool }

// Ticks implements plot.Ticker.
func (p plainTicks) Ticks(low, high float64) []plot.Tick {
	least := 0.0
	if p.whole {
		least = 1
	}
	var ticks []plot.Tick
	for _, t := range niceTicks(low, high, least, 8) {
		ticks = append(ticks, plot.Tick{Value: t.value, Label: t.label})
	}
	return ticks
}

// decadeTicks label the powers of ten, and 2 and 5 times them where the axis is short. Within less than a decade the
// round numbers of a linear axis stand closer.
type decadeTicks struct{}

// Ticks implements plot.Ticker.
func (decadeTicks) Ticks(low, high float64) []plot.Tick {
	if !(low > 0) || !(high > low) {
		return nil
	}
	decades := math.Log10(high / low)
	if decades < 0.8 {
		return plainTicks{}.Ticks(low, high)
	}
	every := max(1, int(decades/8))
	var ticks []plot.Tick
	for e := int(math.Floor(math.Log10(low))); e <= int(math.Ceil(math.Log10(high))); e++ {
		for m := 1; m <= 9; m++ {
			v := float64(m) * math.Pow(10, float64(e))
			if v < low*(1-1e-9) || v > high*(1+1e-9) {
				continue
			}
			label := ""
			if m == 1 && e%every == 0 || (m == 2 || m == 5) && decades < 2.2 {
				label = shortNumber(v)
			}
			if label != "" || decades < 5 {
				ticks = append(ticks, plot.Tick{Value: v, Label: label})
			}
		}
	}
	return ticks
}

// shortNumber writes a round number: 0.05, 20, 1e−6.
func shortNumber(v float64) string {
	text := fmt.Sprintf("%.6g", v)
	if v < 1e-3 || v >= 1e5 {
		mantissa, exponent, _ := strings.Cut(fmt.Sprintf("%.0e", v), "e")
		exponent = strings.TrimPrefix(exponent, "+")
		sign := strings.HasPrefix(exponent, "-")
		exponent = strings.TrimLeft(exponent, "-0")
		if sign {
			exponent = "-" + exponent
		}
		text = mantissa + "e" + exponent
	}
	return strings.ReplaceAll(text, "-", "−")
}

// gridLines are thin lines at the labelled ticks.
type gridLines struct{ color color.Color }

// Plot implements plot.Plotter.
func (g gridLines) Plot(c draw.Canvas, p *plot.Plot) {
	toX, toY := p.Transforms(&c)
	style := draw.LineStyle{Color: g.color, Width: 0.75}
	for _, t := range p.Y.Tick.Marker.Ticks(p.Y.Min, p.Y.Max) {
		if y := toY(t.Value); t.Label != "" && c.ContainsY(y) {
			c.StrokeLine2(style, c.Min.X, y, c.Max.X, y)
		}
	}
	for _, t := range p.X.Tick.Marker.Ticks(p.X.Min, p.X.Max) {
		if x := toX(t.Value); t.Label != "" && c.ContainsX(x) {
			c.StrokeLine2(style, x, c.Min.Y, x, c.Max.Y)
		}
	}
}
