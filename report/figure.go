package report

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"html/template"
	"image"

	// Figures are PNG or GIF; their sizes are read from their headers.
	_ "image/gif"
	_ "image/png"
)

// Figure is a picture on a page: a PNG or GIF for a light page and, where there is one, the same for a dark page.
type Figure struct {
	Light, Dark []byte
	// Caption stands below the picture; Alt describes it to those who do not see it (the caption, if empty).
	Caption, Alt string
	// PixelScale is the number of image pixels for one pixel on the page (default 1).
	PixelScale int
}

// themed draws a figure once for each theme.
func themed(caption string, pixelScale int, draw func(*bytes.Buffer, Theme) error) (Figure, error) {
	f := Figure{Caption: caption, PixelScale: pixelScale}
	for _, t := range []struct {
		theme  Theme
		target *[]byte
	}{{Light(), &f.Light}, {Dark(), &f.Dark}} {
		var b bytes.Buffer
		if err := draw(&b, t.theme); err != nil {
			return Figure{}, err
		}
		*t.target = b.Bytes()
	}
	return f, nil
}

// PanelsFigure draws Panels for a page. The spec's Theme and PixelScale are not used.
func PanelsFigure(spec PanelSpec, caption string) (Figure, error) {
	return themed(caption, 2, func(b *bytes.Buffer, t Theme) error {
		spec.Theme, spec.PixelScale = t, 2
		return Panels(b, spec)
	})
}

// LinesFigure draws Lines for a page. The spec's Theme is not used.
func LinesFigure(spec LineSpec, caption string) (Figure, error) {
	return themed(caption, 2, func(b *bytes.Buffer, t Theme) error {
		spec.Theme = t
		return Lines(b, spec, PNG)
	})
}

// embedded is a figure as the page's template needs it.
type embedded struct {
	Light         template.URL
	Dark          template.Srcset
	Caption, Alt  string
	Width, Height int
	Wide          bool // wider than the text; may use the whole window
}

// pageWidth is the width of the text on a page, in its pixels.
const pageWidth = 920

// embed puts the images into data URIs and finds the size on the page.
func (f Figure) embed() (embedded, error) {
	light, config, err := dataURI(f.Light)
	if err != nil {
		return embedded{}, fmt.Errorf("figure %q: %w", f.Caption, err)
	}
	scale := max(f.PixelScale, 1)
	e := embedded{Light: template.URL(light), Caption: f.Caption, Alt: f.Alt, Width: config.Width / scale, Height: config.Height / scale}
	e.Wide = e.Width > pageWidth
	if e.Alt == "" {
		e.Alt = f.Caption
	}
	if len(f.Dark) > 0 {
		dark, _, err := dataURI(f.Dark)
		if err != nil {
			return embedded{}, fmt.Errorf("figure %q, dark: %w", f.Caption, err)
		}
		e.Dark = template.Srcset(dark)
	}
	return e, nil
}

func dataURI(picture []byte) (string, image.Config, error) {
	config, format, err := image.DecodeConfig(bytes.NewReader(picture))
	if err != nil {
		return "", image.Config{}, fmt.Errorf("%d bytes that are neither PNG nor GIF: %w", len(picture), err)
	}
	if format != "png" && format != "gif" {
		return "", image.Config{}, fmt.Errorf("a %s image; expected PNG or GIF", format)
	}
	return "data:image/" + format + ";base64," + base64.StdEncoding.EncodeToString(picture), config, nil
}
