package report

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"
)

// Distances in pixels at scale 1.
const (
	margin       = 16
	gap          = 8  // between panels
	groupGap     = 22 // between steps
	barWidth     = 11
	barGap       = 12 // between the panels and a colour bar
	barLength    = 240
	tickLength   = 3
	longestLabel = 150
	maxPixels    = 100_000_000
)

// layout knows where everything of a figure lies: rows of fields; groups (steps) of columns; two colour bars a row.
type layout struct {
	*figure
	face            *typeface
	unit            int // image pixels for one pixel at scale 1
	groups          int
	size            image.Point // of a panel
	left, top       int         // of the first panel
	groupWidth      int         // panels of one step, or its label where that is wider
	barLabels       int         // width of the labels at a value bar
	width, height   int
	title, footnote []string
}

func newLayout(f *figure, groups, unit int) (*layout, error) {
	face, err := newTypeface(unit)
	if err != nil {
		return nil, err
	}
	l := &layout{figure: f, face: face, unit: unit, groups: groups, size: f.panelSize(f.panelPixels(groups*len(f.columns)) * unit)}
	l.groupWidth = len(f.columns)*(l.size.X+gap*unit) - gap*unit
	for position := range f.steps {
		l.groupWidth = max(l.groupWidth, textWidth(face.body, f.label(position, groups == 1)))
	}
	names, bars, errorLabels := 0, 0, 0
	for row, c := range f.Channels {
		names = max(names, textWidth(face.bold, shorten(face.bold, f.Fields[c], longestLabel*unit)))
		bars = max(bars, l.labelWidth(f.values[row]))
		errorLabels = max(errorLabels, l.labelWidth(f.errors[row]))
	}
	l.barLabels = bars
	l.left = margin*unit + names + gap*unit
	right := barGap*unit + barWidth*unit + bars
	if len(f.columns) > 1 {
		right += barGap*unit + barWidth*unit + errorLabels
	}
	l.width = l.left + groups*l.groupWidth + (groups-1)*groupGap*unit + right + margin*unit
	inner := l.width - 2*margin*unit
	l.title = wrap(face.bold, f.Title, inner)
	l.footnote = wrap(face.small, l.note(), inner)

	l.top = margin*unit + len(l.title)*l.lineHeight()
	if len(l.title) > 0 {
		l.top += gap * unit
	}
	l.top += l.headingHeight()
	l.height = l.panelAt(len(f.Channels), 0, 0).Min.Y + len(l.footnote)*l.smallLine() + margin*unit
	if int64(l.width)*int64(l.height) > maxPixels {
		return nil, fmt.Errorf("report: %d steps of %d fields in panels of %d x %d pixels are too large for one image; show fewer steps or fields, or smaller panels",
			groups, len(f.Channels), l.size.X, l.size.Y)
	}
	return l, nil
}

func (l *layout) lineHeight() int { return textHeight(l.face.body) + 2*l.unit }
func (l *layout) smallLine() int  { return textHeight(l.face.small) + l.unit }

// headingHeight is the room for a step's label and its columns' names.
func (l *layout) headingHeight() int {
	height := l.lineHeight() + 3*l.unit
	if len(l.columns) > 1 {
		height += l.smallLine()
	}
	return height
}

func (l *layout) groupLeft(group int) int {
	return l.left + group*(l.groupWidth+groupGap*l.unit)
}

// panelAt is the place of one panel.
func (l *layout) panelAt(row, group, column int) image.Rectangle {
	at := image.Pt(l.groupLeft(group)+column*(l.size.X+gap*l.unit), l.top+row*(l.size.Y+gap*l.unit))
	return image.Rectangle{at, at.Add(l.size)}
}

// changing is the part of the picture that differs between the frames of an animation: the heading and the panels.
func (l *layout) changing() image.Rectangle {
	bottom := l.panelAt(len(l.Channels)-1, 0, 0).Max.Y
	return image.Rect(l.left, l.top-l.headingHeight(), l.groupLeft(l.groups-1)+l.groupWidth, bottom)
}

// note says what a reader must know to read the picture.
func (l *layout) note() string {
	text := l.describe()
	if len(l.columns) > 1 {
		text += "; error = prediction − truth; truth and prediction share the truth's colour scale"
	}
	pointed := false
	for row := range l.Channels {
		pointed = pointed || l.values[row].Below || l.values[row].Above || l.errors[row].Below || l.errors[row].Above
	}
	if pointed {
		text += "; a pointed colour bar: values beyond it"
	}
	if l.notFinite {
		text += "; magenta: not a finite number"
	}
	return text + "."
}

// frame draws everything that is the same for all steps.
func (l *layout) frame() *image.RGBA {
	picture := image.NewRGBA(image.Rect(0, 0, l.width, l.height))
	draw.Draw(picture, picture.Bounds(), image.NewUniform(l.Theme.Background), image.Point{}, draw.Src)
	for i, line := range l.title {
		drawText(picture, l.face.bold, l.Theme.Text, margin*l.unit, margin*l.unit+i*l.lineHeight(), left, line)
	}
	for row, c := range l.Channels {
		panel := l.panelAt(row, 0, 0)
		name := shorten(l.face.bold, l.Fields[c], longestLabel*l.unit)
		drawText(picture, l.face.bold, l.Theme.Text, panel.Min.X-gap*l.unit, (panel.Min.Y+panel.Max.Y-textHeight(l.face.bold))/2, right, name)
		x := l.groupLeft(l.groups-1) + l.groupWidth + barGap*l.unit
		l.drawBar(picture, x, panel, l.values[row])
		if len(l.columns) > 1 {
			l.drawBar(picture, x+barWidth*l.unit+l.barLabels+barGap*l.unit, panel, l.errors[row])
		}
	}
	y := l.panelAt(len(l.Channels), 0, 0).Min.Y
	for i, line := range l.footnote {
		drawText(picture, l.face.small, l.Theme.Muted, margin*l.unit, y+i*l.smallLine(), left, line)
	}
	return picture
}

// drawGroup draws one step: its heading and its panels.
func (l *layout) drawGroup(picture *image.RGBA, group, position int, heading string) {
	top := l.top - l.headingHeight()
	area := image.Rect(l.groupLeft(group), top, l.groupLeft(group)+l.groupWidth, l.top)
	draw.Draw(picture, area, image.NewUniform(l.Theme.Background), image.Point{}, draw.Src)
	drawText(picture, l.face.body, l.Theme.Text, area.Min.X, top, left, heading)
	for i, kind := range l.columns {
		if len(l.columns) > 1 {
			name := kind.String()
			if full := name + " (prediction − truth)"; kind == errorColumn && textWidth(l.face.small, full) <= l.size.X {
				name = full
			}
			name = shorten(l.face.small, name, l.size.X)
			drawText(picture, l.face.small, l.Theme.Muted, l.panelAt(0, group, i).Min.X, top+l.lineHeight(), left, name)
		}
		for row, c := range l.Channels {
			scale := l.values[row]
			if kind == errorColumn {
				scale = l.errors[row]
			}
			paint(picture, l.panelAt(row, group, i), l.panel(kind, position, c), scale)
		}
	}
}

// labelWidth is the room that a colour bar's labels take, ticks included.
func (l *layout) labelWidth(s Scale) int {
	widest := 0
	for _, t := range l.barTicks(s) {
		widest = max(widest, textWidth(l.face.small, t.label))
	}
	return widest + (tickLength+3)*l.unit
}

// barTicks are as many labels as the bar has room for.
func (l *layout) barTicks(s Scale) []tick {
	room := l.barHeight() / (textHeight(l.face.small) * 3 / 2)
	return niceTicks(s.Low, s.High, 0, min(max(room, 2), 6))
}

func (l *layout) barHeight() int { return min(l.size.Y, barLength*l.unit) }

// drawBar draws a colour bar with ticks, centred beside a panel. An end that values go beyond is a point.
func (l *layout) drawBar(picture *image.RGBA, x int, panel image.Rectangle, s Scale) {
	height := l.barHeight()
	top := panel.Min.Y + (panel.Dy()-height)/2
	width, tip := barWidth*l.unit, barWidth*l.unit*3/4
	low, high := top+height, top // where the scale's ends lie
	if s.Below {
		low -= tip
	}
	if s.Above {
		high += tip
	}
	for y := top; y < top+height; y++ {
		t := (float64(low) - float64(y) - 0.5) / float64(low-high)
		inset := 0
		if y < high {
			inset = (high - y) * width / (2 * tip)
		} else if y >= low {
			inset = (y - low + 1) * width / (2 * tip)
		}
		fill(picture, image.Rect(x+inset, y, x+width-inset, y+1), s.Map.At(t))
	}
	for _, t := range l.barTicks(s) {
		y := low - int((t.value-s.Low)/(s.High-s.Low)*float64(low-high)+0.5)
		y = min(max(y, high), low-1)
		fill(picture, image.Rect(x+width, y, x+width+tickLength*l.unit, y+l.unit), l.Theme.Muted)
		at := min(max(y-textHeight(l.face.small)/2, top-2*l.unit), top+height-textHeight(l.face.small)+2*l.unit)
		drawText(picture, l.face.small, l.Theme.Muted, x+width+(tickLength+2)*l.unit, at, left, t.label)
	}
}

func fill(picture *image.RGBA, r image.Rectangle, c color.RGBA) {
	draw.Draw(picture, r, image.NewUniform(c), image.Point{}, draw.Src)
}
