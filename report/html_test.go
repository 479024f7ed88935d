package report

import (
	"bytes"
	"context"
	"encoding/base64"
	"image"
	"regexp"
	"strings"
	"testing"
	"time"
)

// document is one with every part, and with a hostile name in every text.
func document(t *testing.T, name string) Document {
	t.Helper()
	truth, prediction := ramp(1, 3, 8, 8, 1)
	spec := PanelSpec{Fields: []string{name}, Truth: truth, Prediction: prediction}
	animation, err := themed(name, 1, func(b *bytes.Buffer, theme Theme) error {
		spec := spec
		spec.Theme = theme
		return Animation(context.Background(), b, spec, 0)
	})
	if err != nil {
		t.Fatal(err)
	}
	panels, err := PanelsFigure(spec, name)
	if err != nil {
		t.Fatal(err)
	}
	curve, err := LinesFigure(rolloutSpec(t, []float64{0.1, 0.2}, nil), name)
	if err != nil {
		t.Fatal(err)
	}
	table := Table{Title: name, Columns: Columns(name, "VRMSE")}
	table.Add(Text(name), Number(0.25).Marked(Good))
	film, err := NewFilm(context.Background(), FilmSpec{Name: name, Fields: []string{name}, Units: []string{name}, Axes: []string{name, name}, MarkNote: name}.WithArrays(truth, prediction))
	if err != nil {
		t.Fatal(err)
	}
	return Document{
		Title: name, Summary: name, Program: name, Created: time.Date(2026, 1, 2, 3, 4, 0, 0, time.UTC),
		Highlights: []Highlight{{name, name, name}},
		Sections: []Section{
			{name, name, []Table{table}, nil, nil},
			{"curves", "", nil, nil, []Figure{curve, curve}},
			{name, name, nil, []*Film{film}, []Figure{animation, panels}},
		},
		Made: []Fact{{name, name}}, Commands: []string{name}, Configs: []Fact{{name, name}},
	}
}

func writeHTML(t *testing.T, doc Document) string {
	t.Helper()
	var b bytes.Buffer
	if err := HTML(&b, doc); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestPageHasAllPartsAndIsSelfContained(t *testing.T) {
	text := writeHTML(t, document(t, "shear_flow"))
	for _, part := range []string{`<section id="part-0">`, `<section id="part-1">`, `<section id="part-2">`, `<div class="film">`,
		`<section id="made">`, `<td class="number good">0.2500</td>`, "2 January 2026, 03:04 UTC", "prefers-color-scheme: dark"} {
		if !strings.Contains(text, part) {
			t.Errorf("the page lacks %s", part)
		}
	}
	if n := strings.Count(text, "<img "); n != 4 {
		t.Errorf("%d pictures, want 4", n)
	}
	for _, link := range regexp.MustCompile(`(?:src|srcset|href)="([^"]{0,40})`).FindAllStringSubmatch(text, -1) {
		if !strings.HasPrefix(link[1], "data:image/") && !strings.HasPrefix(link[1], "#") {
			t.Errorf("the page points elsewhere: %s", link[1])
		}
	}
}

func TestEmbeddedPicturesAreWhole(t *testing.T) {
	doc := document(t, "a")
	text := writeHTML(t, doc)
	found := 0
	for _, uri := range regexp.MustCompile(`"data:image/(png|gif);base64,([^"]+)"`).FindAllStringSubmatch(text, -1) {
		// In attributes the template writes + as a reference.
		raw, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(uri[2], "&#43;", "+"))
		if err != nil {
			t.Fatal(err)
		}
		if _, format, err := image.Decode(bytes.NewReader(raw)); err != nil || format != uri[1] {
			t.Errorf("a %s is embedded as %s, error %v", format, uri[1], err)
		}
		found++
	}
	if found != 8 {
		t.Errorf("%d embedded pictures, want 4 light and 4 dark", found)
	}
}

func TestTextIsEscapedEverywhere(t *testing.T) {
	text := writeHTML(t, document(t, `<script>alert("1")</script>' onerror=x & "q"`))
	if n := strings.Count(text, "<script"); n != 3 { // the film's and the maps' data, and the page's own
		t.Errorf("%d scripts, want 3", n)
	}
	text = regexp.MustCompile(`(?s)<script[^>]*>.*?</script>`).ReplaceAllString(text, "") // JSON may hold quotes
	if strings.Contains(text, "<script>alert") || strings.Contains(text, `" onerror`) || strings.Contains(text, `' onerror`) {
		t.Error("a hostile name got through")
	}
	if n := strings.Count(text, "&lt;script&gt;"); n < 15 {
		t.Errorf("the name appears %d times, want it in all its places", n)
	}
}

func TestElementsAreBalanced(t *testing.T) {
	void := regexp.MustCompile(`<(?:meta|img|source)\b[^>]*`) // elements that HTML never closes, XML must
	scripts := regexp.MustCompile(`(?s)<script[^>]*>.*?</script>`)
	for name, doc := range map[string]Document{"full": document(t, "a & b"), "title alone": {Title: "a"}} {
		text := scripts.ReplaceAllString(writeHTML(t, doc), "<script/>")
		if err := wellFormed(strings.NewReader(void.ReplaceAllString(text, "$0/"))); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestEmptyPartsAreLeftOut(t *testing.T) {
	text := writeHTML(t, Document{Title: "nothing yet"})
	for _, part := range []string{"<section", "<table", "<figure", "<dl", "<a "} {
		if strings.Contains(text, part) {
			t.Errorf("an empty document contains %s", part)
		}
	}
}

func TestPictureHasItsSizeOnThePage(t *testing.T) {
	f, err := LinesFigure(rolloutSpec(t, []float64{0.1, 0.2}, nil), "")
	if err != nil {
		t.Fatal(err)
	}
	e, err := f.embed()
	if err != nil {
		t.Fatal(err)
	}
	if e.Width != 640 || e.Height != 360 {
		t.Errorf("%d x %d, want 640 x 360", e.Width, e.Height)
	}
}

func TestImpossibleDocumentsAreErrors(t *testing.T) {
	broken := Figure{Light: []byte("<svg onload=alert(1)>"), Caption: "the caption"}
	for name, c := range map[string]struct {
		doc  Document
		want string
	}{
		"no title":            {Document{}, "without a title"},
		"not a picture":       {Document{Title: "a", Sections: []Section{{Figures: []Figure{broken}}}}, "the caption"},
		"an empty picture":    {Document{Title: "a", Sections: []Section{{Figures: []Figure{{}}}}}, "0 bytes"},
		"in a data set":       {Document{Title: "a", Sections: []Section{{Name: "shear_flow", Figures: []Figure{broken}}}}, "shear_flow"},
		"a table of one name": {Document{Title: "a", Sections: []Section{{Tables: []Table{{Columns: Columns("b", "b")}}}}}, "two columns"},
	} {
		var b bytes.Buffer
		err := HTML(&b, c.doc)
		if err == nil || !strings.Contains(err.Error(), c.want) || b.Len() > 0 {
			t.Errorf("%s: error %v and %d bytes, want an error with %q and none", name, err, b.Len(), c.want)
		}
	}
}
