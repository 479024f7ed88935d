package report

import (
	"context"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"io"
	"math"
)

// DefaultFramesPerSecond is slow enough to compare truth and prediction by eye.
const DefaultFramesPerSecond = 6

// gifPanel is the side of a panel in a GIF, whose size grows with the area: 128 cells get one pixel each, 64 get three.
const gifPanel = 170

// maxFrames bounds an animation's size; longer rollouts show every second, third, ... step.
const maxFrames = 200

// Animation writes a GIF that loops over all steps: one row a field, truth, prediction and error side by side, with the step's number
// and time. framesPerSecond 0 stands for DefaultFramesPerSecond. Colour scales are fitted to the whole rollout.
func Animation(ctx context.Context, w io.Writer, spec PanelSpec, framesPerSecond float64) error {
	if spec.PanelPixels == 0 {
		spec.PanelPixels = gifPanel
	}
	m, err := newMovie(spec, framesPerSecond, 1)
	if err != nil {
		return err
	}
	m.limitColours()
	quantised := newQuantiser(m.layout)
	delay := max(2, int(math.Round(100/m.framesPerSecond))) // hundredths of a second; browsers take less than 2 for 10
	var animation gif.GIF
	err = m.play(ctx, func(picture *image.RGBA, first, last bool) error {
		area := picture.Bounds()
		if !first { // what stays the same is stored once
			area = m.changing()
		}
		pause := delay
		if last {
			pause = max(delay, 100) // let the eye rest on the last step before the loop starts again
		}
		animation.Image = append(animation.Image, quantised.convert(picture, area))
		animation.Delay = append(animation.Delay, pause)
		animation.Disposal = append(animation.Disposal, gif.DisposalNone)
		return nil
	})
	if err != nil {
		return err
	}
	whole := animation.Image[0] // the first frame has the whole picture
	animation.Config = image.Config{ColorModel: whole.Palette, Width: whole.Rect.Dx(), Height: whole.Rect.Dy()}
	if err := gif.EncodeAll(w, &animation); err != nil {
		return fmt.Errorf("report: animation: %w", err)
	}
	return nil
}

// movie is a figure that shows one step at a time.
type movie struct {
	*layout
	framesPerSecond float64
}

func newMovie(spec PanelSpec, framesPerSecond float64, pixelScale int) (*movie, error) {
	if framesPerSecond == 0 {
		framesPerSecond = DefaultFramesPerSecond
	}
	if !(framesPerSecond > 0 && framesPerSecond <= 100) {
		return nil, fmt.Errorf("report: %g frames per second; expected more than 0 and at most 100", framesPerSecond)
	}
	f, err := newFigure(spec, nil)
	if err != nil {
		return nil, err
	}
	if f.PixelScale > 0 {
		pixelScale = f.PixelScale
	}
	l, err := newLayout(f, 1, pixelScale)
	if err != nil {
		return nil, err
	}
	return &movie{l, framesPerSecond}, nil
}

// play draws frame after frame into one picture.
func (m *movie) play(ctx context.Context, show func(picture *image.RGBA, first, last bool) error) error {
	picture := m.frame()
	stride := (m.steps + maxFrames - 1) / maxFrames
	for p := 0; p < m.steps; p += stride {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("report: animation: %w", err)
		}
		m.drawGroup(picture, 0, p, m.label(p, true))
		if err := show(picture, p == 0, p+stride >= m.steps); err != nil {
			return err
		}
	}
	return nil
}

// textShades is the number of blends of the background with each colour of text that a GIF keeps, for smooth letters.
const textShades = 8

// limitColours shares a GIF's 256 colours among the colour maps that the figure uses.
func (l *layout) limitColours() {
	used := map[string]bool{}
	for row := range l.values {
		used[l.values[row].Map.name] = true
		if len(l.columns) > 1 {
			used[l.errors[row].Map.name] = true
		}
	}
	levels := (256 - 2*textShades - 2) / len(used)
	for row := range l.values {
		l.values[row].Map = l.values[row].Map.quantised(levels)
		l.errors[row].Map = l.errors[row].Map.quantised(levels)
	}
}

// quantiser maps the colours of a movie, which are few by construction, to a palette.
type quantiser struct {
	palette color.Palette
	known   map[color.RGBA]uint8
}

func newQuantiser(l *layout) *quantiser {
	q := &quantiser{known: map[color.RGBA]uint8{}}
	add := func(c color.RGBA) {
		if _, ok := q.known[c]; !ok && len(q.palette) < 256 {
			q.known[c] = uint8(len(q.palette))
			q.palette = append(q.palette, c)
		}
	}
	add(NotFinite)
	for i := range textShades {
		share := float64(i) / (textShades - 1)
		add(blend(l.Theme.Background, l.Theme.Text, share))
		add(blend(l.Theme.Background, l.Theme.Muted, share))
	}
	for row := range l.values {
		for _, c := range l.values[row].Map.levels {
			add(c)
		}
		if len(l.columns) > 1 {
			for _, c := range l.errors[row].Map.levels {
				add(c)
			}
		}
	}
	return q
}

func blend(a, b color.RGBA, share float64) color.RGBA {
	mix := func(x, y uint8) uint8 { return uint8(math.Round(float64(x) + share*(float64(y)-float64(x)))) }
	return color.RGBA{mix(a.R, b.R), mix(a.G, b.G), mix(a.B, b.B), 0xff}
}

// convert returns the part of the picture in the palette. Only the edges of letters need the nearest colour; data is exact.
func (q *quantiser) convert(picture *image.RGBA, area image.Rectangle) *image.Paletted {
	result := image.NewPaletted(area, q.palette)
	at := 0
	var last color.RGBA
	index := q.index(last)
	for y := area.Min.Y; y < area.Max.Y; y++ {
		row := picture.Pix[picture.PixOffset(area.Min.X, y):]
		for x := range area.Dx() {
			c := color.RGBA{row[4*x], row[4*x+1], row[4*x+2], row[4*x+3]}
			if c != last {
				last, index = c, q.index(c)
			}
			result.Pix[at] = index
			at++
		}
	}
	return result
}

func (q *quantiser) index(c color.RGBA) uint8 {
	i, ok := q.known[c]
	if !ok {
		i = uint8(q.palette.Index(c))
		q.known[c] = i
	}
	return i
}
