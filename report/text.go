package report

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"strings"
	"sync"

	"codeberg.org/go-fonts/liberation/liberationsansbold"
	"codeberg.org/go-fonts/liberation/liberationsansregular"
	"golang.org/x/image/font"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
)

// typeface holds one picture's fonts. Faces keep buffers, so a typeface belongs to one goroutine.
type typeface struct {
	body, bold, small font.Face
}

// Sizes of text in pixels at scale 1.
const (
	bodySize  = 13
	smallSize = 11
)

var (
	regularFont = sync.OnceValues(func() (*opentype.Font, error) { return opentype.Parse(liberationsansregular.TTF) })
	boldFont    = sync.OnceValues(func() (*opentype.Font, error) { return opentype.Parse(liberationsansbold.TTF) })
)

func newTypeface(scale int) (*typeface, error) {
	regular, err := regularFont()
	if err != nil {
		return nil, fmt.Errorf("report: font: %w", err)
	}
	bold, err := boldFont()
	if err != nil {
		return nil, fmt.Errorf("report: font: %w", err)
	}
	var t typeface
	for _, f := range []struct {
		face *font.Face
		font *opentype.Font
		size float64
	}{{&t.body, regular, bodySize}, {&t.bold, bold, bodySize}, {&t.small, regular, smallSize}} {
		face, err := opentype.NewFace(f.font, &opentype.FaceOptions{Size: f.size * float64(scale), DPI: 72, Hinting: font.HintingFull})
		if err != nil {
			return nil, fmt.Errorf("report: font: %w", err)
		}
		*f.face = face
	}
	return &t, nil
}

func textWidth(face font.Face, text string) int { return font.MeasureString(face, text).Ceil() }

// textHeight is from the top of an ascender to the bottom of a descender.
func textHeight(face font.Face) int {
	m := face.Metrics()
	return m.Ascent.Ceil() + m.Descent.Ceil()
}

// Where the given point lies on a text: at its left end, its middle, its right end.
type anchor int

const (
	left anchor = iota
	centre
	right
)

// drawText puts one line of text with the top of its ascenders at y.
func drawText(dst draw.Image, face font.Face, c color.Color, x, y int, where anchor, text string) {
	switch where {
	case centre:
		x -= textWidth(face, text) / 2
	case right:
		x -= textWidth(face, text)
	}
	d := font.Drawer{Dst: dst, Src: image.NewUniform(c), Face: face, Dot: fixed.P(x, y+face.Metrics().Ascent.Ceil())}
	d.DrawString(text)
}

// wrap breaks text at spaces so that no line is wider than width, but for single words that are.
func wrap(face font.Face, text string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		longer := word
		if line != "" {
			longer = line + " " + word
		}
		if line != "" && textWidth(face, longer) > width {
			lines = append(lines, line)
			longer = word
		}
		line = longer
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}

// shorten cuts text to width with an ellipsis.
func shorten(face font.Face, text string, width int) string {
	if textWidth(face, text) <= width {
		return text
	}
	runes := []rune(text)
	for n := min(len(runes)-1, width); n > 0; n-- { // no letter that counts is narrower than a pixel
		if cut := string(runes[:n]) + "…"; textWidth(face, cut) <= width {
			return cut
		}
	}
	return ""
}
