package report

import (
	"fmt"
	"image/color"
)

// Theme is the set of colours around the data: the same picture for a light page and for a dark one. The colours of the data
// do not change with it.
type Theme struct {
	Name       string
	Background color.RGBA
	Text       color.RGBA
	Muted      color.RGBA // headings of columns, tick labels, footers
	Line       color.RGBA // frames, grid lines
	Series     []color.RGBA
}

// Light is for white pages and for print.
func Light() Theme {
	return Theme{
		Name:       "light",
		Background: rgb(0xffffff),
		Text:       rgb(0x1c2127),
		Muted:      rgb(0x5c6670),
		Line:       rgb(0xd5dae0),
		Series:     []color.RGBA{rgb(0x1f5fbf), rgb(0xc2571a), rgb(0x1a8a5a), rgb(0x9a3fa8), rgb(0x8a6d00), rgb(0xb3263f)},
	}
}

// Dark is for dark pages.
func Dark() Theme {
	return Theme{
		Name:       "dark",
		Background: rgb(0x171b20),
		Text:       rgb(0xe8ebee),
		Muted:      rgb(0x9aa4ae),
		Line:       rgb(0x363d45),
		Series:     []color.RGBA{rgb(0x6aa5f5), rgb(0xf0945a), rgb(0x52c492), rgb(0xcd8be0), rgb(0xd8b94a), rgb(0xf07a8d)},
	}
}

// orLight is the theme itself, or Light for the zero Theme.
func (t Theme) orLight() Theme {
	if t.Name == "" {
		return Light()
	}
	return t
}

func rgb(hex uint32) color.RGBA {
	return color.RGBA{uint8(hex >> 16), uint8(hex >> 8), uint8(hex), 0xff}
}

// hex writes a colour as #rrggbb.
func hex(c color.RGBA) string { return fmt.Sprintf("#%02x%02x%02x", c.R, c.G, c.B) }
