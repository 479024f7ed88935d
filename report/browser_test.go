package report

import (
	"bytes"
	"context"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/internal/browser"
)

// vortices are two pairs of counter-rotating vortices that drift and decay, (steps, n, n, 3): pressure, velocity x and y; late moves them.
func vortices(steps, n int, late float64) field.Array {
	a := field.NewArray(steps, n, n, 3)
	for s := range steps {
		decay, shift := math.Exp(-0.04*float64(s)), 0.06*float64(s)+late*float64(s)
		for i := range n {
			for j := range n {
				x, y := 2*math.Pi*(float64(i)+0.5)/float64(n), 2*math.Pi*(float64(j)+0.5)/float64(n)
				at := ((s*n+i)*n + j) * 3
				a.Data[at] = float32(1 + decay*decay*(math.Cos(2*(x-shift))+math.Cos(2*y))/4)
				a.Data[at+1] = float32(decay * math.Sin(x-shift) * math.Cos(y))
				a.Data[at+2] = float32(-decay * math.Cos(x-shift) * math.Sin(y))
			}
		}
	}
	return a
}

// cloud is a density that spreads and leaves the middle of a box, (steps, n, n, m, 1).
func cloud(steps, n, m int, late float64) field.Array {
	a := field.NewArray(steps, n, n, m, 1)
	at := 0
	for s := range steps {
		width := 0.05 + 0.01*float64(s)*(1+late)
		for i := range n {
			for j := range n {
				for k := range m {
					x, y, z := float64(i)/float64(n)-0.35-0.02*float64(s), float64(j)/float64(n)-0.5, (float64(k)/float64(m)-0.4)/2
					a.Data[at] = float32(math.Exp(-(x*x+y*y+z*z)/width) + 0.5*math.Exp(-((x-0.3)*(x-0.3)+(y-0.2)*(y-0.2)+z*z)/0.01))
					at++
				}
			}
		}
	}
	return a
}

// shownReport is a page with every kind of part, of fields that are formulas.
func shownReport(t *testing.T) Document {
	t.Helper()
	ctx := context.Background()
	const steps = 24
	times := countFrom(0, steps)
	flat, err := NewFilm(ctx, FilmSpec{Name: "Decaying vortices", Fields: []string{"pressure", "velocity_x", "velocity_y"}, Units: []string{"Pa", "m/s", "m/s"},
		Vectors: VectorsOf([]string{"pressure", "velocity_x", "velocity_y"}), FirstStep: 1, Times: times, TimeUnit: "s",
		Size: []float64{1, 1}, Periodic: []bool{true, true}, Mark: 20, MarkNote: "energy piles up at the grid scale"}.WithArrays(vortices(steps, 64, 0), vortices(steps, 64, 0.012)))
	if err != nil {
		t.Fatal(err)
	}
	solid, err := NewFilm(ctx, FilmSpec{Name: "A cloud", Fields: []string{"density"}, FirstStep: 1, Mark: -1,
		Size: []float64{1, 1, 0.5}}.WithArrays(cloud(6, 32, 16, 0), cloud(6, 32, 16, 0.3)))
	if err != nil {
		t.Fatal(err)
	}
	lines, err := RolloutLines("Error against rollout step", RolloutScores{Name: "vortices", Score: []float64{0.05, 0.08, 0.12, 0.2}, Low: []float64{0.04, 0.06, 0.1, 0.15},
		High: []float64{0.06, 0.1, 0.15, 0.27}, Baseline: []float64{0.2, 0.4, 0.6, 0.8}})
	if err != nil {
		t.Fatal(err)
	}
	curve, err := LinesFigure(lines, "Median over trajectories; the band is between the quartiles.")
	if err != nil {
		t.Fatal(err)
	}
	table := Table{Title: "median VRMSE", Columns: Columns("data set", "one-step", "persistence")}
	table.Add(Text("vortices"), Number(0.05).Marked(Good), Number(0.2))
	return Document{
		Title: "Vortices and a cloud", Summary: "Two rollouts whose fields are formulas.", Program: "walrus",
		Sections: []Section{
			{Name: "Scores", Tables: []Table{table}, Figures: []Figure{curve}},
			{Name: "Vortices", Films: []*Film{flat}}, {Name: "Cloud", Films: []*Film{solid}},
		},
		Made: []Fact{{"seed", "1"}}, Commands: []string{"walrus report runs/vortices"}, Configs: []Fact{{"train.yaml", "seed: 1"}},
	}
}

// TestPageInABrowser opens a page as a reader does: nothing is asked of a network, nothing complains, films advance by themselves and by keys,
// every view draws, and the page prints. WALRUS_SCREENSHOT=../docs/report.png keeps its picture.
func TestPageInABrowser(t *testing.T) {
	if browser.Find() == "" {
		t.Skip("no Chromium on the PATH (apt-get install chromium)")
	}
	path := filepath.Join(t.TempDir(), "report.html")
	if err := os.WriteFile(path, []byte(writeHTML(t, shownReport(t))), 0o666); err != nil {
		t.Fatal(err)
	}
	p, err := browser.Open(context.Background(), path, t.TempDir(), browser.Options{Width: 1000, Height: 560})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(p.Eval(`document.querySelector("#part-1").scrollIntoView()`, nil))
	must(p.Wait(`films[0].root.dataset.loaded && films[0].frame > 1`)) // it plays by itself
	checkDrawn(t, p, 0, 3)
	must(p.Eval(`films[0].stage.focus()`, nil))
	must(p.Press("Home"))
	must(p.Wait(`films[0].frame === 0 && !films[0].playing`))
	must(p.Press("ArrowRight"))
	must(p.Wait(`films[0].frame === 1`))
	must(p.Press(" "))
	must(p.Wait(`films[0].playing && films[0].frame > 1`))
	must(p.Press("End"))
	must(p.Wait(`films[0].label.textContent.includes("energy piles up")`))
	choose := func(film int, label, option string) {
		t.Helper()
		must(p.Eval(`(() => { for (const l of films[`+string(rune('0'+film))+`].root.querySelectorAll("label")) if (l.textContent.startsWith("`+label+`")) {
			const s = l.querySelector("select"); s.value = [...s.options].findIndex(o => o.text.startsWith("`+option+`")); s.dispatchEvent(new Event("change")); return; }
			throw new Error("no control `+label+`"); })()`, nil))
	}
	choose(0, "field", "vorticity")
	choose(0, "streamlines", "velocity")
	must(p.Wait(`films[0].components && films[0].panels[0].over.width > 1`))
	checkDrawn(t, p, 0, 3)
	screenshot(t, p, os.Getenv("WALRUS_SCREENSHOT"))
	must(p.Eval(`document.querySelector("#part-2").scrollIntoView()`, nil))
	must(p.Wait(`films[1].root.dataset.loaded && films[1].frame > 0`))
	for _, view := range []string{"maximum", "rotating", "slice"} {
		choose(1, "view", view)
		checkDrawn(t, p, 1, 3)
	}
	must(p.Prefer(true, false))
	var background string
	must(p.Eval(`getComputedStyle(document.body).backgroundColor`, &background))
	if background != "rgb(14, 17, 20)" {
		t.Errorf("the background of a dark page is %s", background)
	}
	if pdf, err := p.Print(); err != nil || !bytes.HasPrefix(pdf, []byte("%PDF")) {
		t.Errorf("printing gave %d bytes: %v", len(pdf), err)
	}
	time.Sleep(100 * time.Millisecond)
	must(p.Eval("1", nil)) // hears what is still to be told
	checkQuiet(t, p)
}

// checkDrawn looks whether the panels of a film have more than a handful of colours.
func checkDrawn(t *testing.T, p *browser.Page, film, panels int) {
	t.Helper()
	var colours []int
	expression := `films[` + string(rune('0'+film)) + `].panels.map(p => {
		const { width, height } = p.picture, copy = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
		copy.drawImage(p.picture, 0, 0);
		return new Set(new Uint32Array(copy.getImageData(0, 0, width, height).data.buffer)).size;
	})`
	if err := p.Eval(expression, &colours); err != nil {
		t.Fatal(err)
	}
	if len(colours) != panels {
		t.Fatalf("%d panels, want %d", len(colours), panels)
	}
	for i, n := range colours {
		if n < 8 {
			t.Errorf("film %d, panel %d has %d colours", film, i, n)
		}
	}
}

// checkQuiet wants no request beyond the file and no complaint.
func checkQuiet(t *testing.T, p *browser.Page) {
	t.Helper()
	files := 0
	for _, address := range p.Requests {
		switch {
		case strings.HasPrefix(address, "file://"):
			files++
		case !strings.HasPrefix(address, "data:"):
			t.Errorf("the page asks for %s", address)
		}
	}
	if files != 1 {
		t.Errorf("%d files were read, want the page alone", files)
	}
	for _, c := range p.Complaints {
		t.Errorf("the console says: %s", c)
	}
}

// screenshot keeps what is visible, if a file is named, with the film at rest.
func screenshot(t *testing.T, p *browser.Page, path string) {
	t.Helper()
	if path == "" {
		return
	}
	if err := p.Eval(`films[0].setPlaying(false), films[0].show(11), new Promise(done => setTimeout(done, 300))`, nil); err != nil {
		t.Fatal(err)
	}
	picture, err := p.Screenshot()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := png.Decode(bytes.NewReader(picture)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, picture, 0o666); err != nil {
		t.Fatal(err)
	}
}
