package browser

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// programs are the names under which distributions install it.
var programs = []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome-headless-shell"}

// Find names the browser on the PATH; empty for none.
func Find() string {
	for _, name := range programs {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// Page is a tab of a browser that runs for it alone.
type Page struct {
	program  *exec.Cmd
	to       *os.File
	from     *bufio.Reader
	answers  *os.File
	session  string
	number   int
	deadline time.Time
	// Requests are the addresses that the page has asked for, its own included. Complaints are messages of its console that are warnings or
	// errors, exceptions, and what its policy has blocked.
	Requests, Complaints []string
}

// Options are what a reader may have set.
type Options struct {
	Width, Height int
	Dark          bool
	StillMotion   bool          // prefers-reduced-motion
	Timeout       time.Duration // for all of it (default a minute)
}

// Open starts a browser and loads a file. profile is an empty folder for what the browser writes.
func Open(ctx context.Context, path, profile string, o Options) (*Page, error) {
	program := Find()
	if program == "" {
		return nil, errors.New("browser: no Chromium on the PATH; a Debian machine has it after apt-get install chromium")
	}
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("browser: %w", err)
	}
	p := &Page{deadline: time.Now().Add(max(o.Timeout, time.Minute))}
	if err := p.start(ctx, program, profile, o); err != nil {
		return nil, err
	}
	if err := p.load("file://"+filepath.ToSlash(absolute), o); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

// start runs the program. It reads messages from descriptor 3 and writes its own to 4.
func (p *Page) start(ctx context.Context, program, profile string, o Options) error {
	read, to, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("browser: %w", err)
	}
	answers, write, err := os.Pipe()
	if err != nil {
		return errors.Join(err, read.Close(), to.Close())
	}
	p.to, p.answers, p.from = to, answers, bufio.NewReaderSize(answers, 1<<20)
	p.program = exec.CommandContext(ctx, program, "--headless=new", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
		"--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions",
		"--hide-scrollbars", "--user-data-dir="+profile, fmt.Sprintf("--window-size=%d,%d", o.Width, o.Height), "about:blank")
	p.program.ExtraFiles = []*os.File{read, write}
	p.program.Env = append(os.Environ(), "HOME="+profile)
	err = p.program.Start()
	closed := errors.Join(read.Close(), write.Close())
	if err != nil {
		return errors.Join(fmt.Errorf("browser: %s: %w", program, err), to.Close(), answers.Close())
	}
	return errors.Join(closed, answers.SetReadDeadline(p.deadline))
}

// load opens a tab, listens to it, and waits for the page to be loaded.
func (p *Page) load(address string, o Options) error {
	var target struct{ TargetID string }
	if err := p.call("Target.createTarget", map[string]any{"url": "about:blank"}, &target); err != nil {
		return err
	}
	var attached struct{ SessionID string }
	if err := p.call("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached); err != nil {
		return err
	}
	p.session = attached.SessionID
	for _, domain := range []string{"Page", "Network", "Runtime", "Log"} {
		if err := p.call(domain+".enable", nil, nil); err != nil {
			return err
		}
	}
	size := map[string]any{"width": o.Width, "height": o.Height, "deviceScaleFactor": 1, "mobile": false}
	if err := p.call("Emulation.setDeviceMetricsOverride", size, nil); err != nil {
		return err
	}
	if err := p.Prefer(o.Dark, o.StillMotion); err != nil {
		return err
	}
	if err := p.call("Page.navigate", map[string]any{"url": address}, nil); err != nil {
		return err
	}
	return p.Wait(`document.readyState === "complete"`)
}

// Prefer sets what the reader likes.
func (p *Page) Prefer(dark, stillMotion bool) error {
	scheme, motion := "light", "no-preference"
	if dark {
		scheme = "dark"
	}
	if stillMotion {
		motion = "reduce"
	}
	return p.call("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{
		{"name": "prefers-color-scheme", "value": scheme}, {"name": "prefers-reduced-motion", "value": motion}}}, nil)
}

// message is what goes over the pipes: a call, its answer, or an event.
type message struct {
	ID        int             `json:"id,omitempty"`
	Method    string          `json:"method,omitempty"`
	Params    any             `json:"params,omitempty"`
	SessionID string          `json:"sessionId,omitempty"`
	Result    json.RawMessage `json:"result,omitempty"`
	Error     *struct {
		Message string `json:"message"`
	} `json:"error,omitempty"`
}

// call sends a message and waits for its answer; what happens meanwhile is noted.
func (p *Page) call(method string, params any, result any) error {
	p.number++
	text, err := json.Marshal(message{ID: p.number, Method: method, Params: params, SessionID: p.session})
	if err != nil {
		return fmt.Errorf("browser: %s: %w", method, err)
	}
	if _, err := p.to.Write(append(text, 0)); err != nil {
		return fmt.Errorf("browser: %s: %w", method, err)
	}
	for {
		text, err := p.from.ReadBytes(0)
		if err != nil {
			return fmt.Errorf("browser: %s: %w", method, err)
		}
		var m struct {
			message
			Params json.RawMessage `json:"params"`
		}
		if err := json.Unmarshal(text[:len(text)-1], &m); err != nil {
			return fmt.Errorf("browser: %s: answer: %w", method, err)
		}
		switch {
		case m.ID == 0:
			p.note(m.Method, m.Params)
		case m.ID != p.number:
		case m.Error != nil:
			return fmt.Errorf("browser: %s: %s", method, m.Error.Message)
		case result != nil:
			return json.Unmarshal(m.Result, result)
		default:
			return nil
		}
	}
}

// note keeps what a test wants to know of an event.
func (p *Page) note(method string, params json.RawMessage) {
	var e struct {
		Request struct{ URL string }
		Type    string
		Args    []struct {
			Value       any
			Description string
		}
		ExceptionDetails struct {
			Text      string
			Exception struct{ Description string }
		}
		Entry struct{ Level, Text string }
	}
	if json.Unmarshal(params, &e) != nil {
		return
	}
	switch method {
	case "Network.requestWillBeSent":
		p.Requests = append(p.Requests, e.Request.URL)
	case "Runtime.consoleAPICalled":
		if e.Type == "error" || e.Type == "warning" || e.Type == "assert" {
			p.Complaints = append(p.Complaints, fmt.Sprint(e.Type, ": ", e.Args))
		}
	case "Runtime.exceptionThrown":
		p.Complaints = append(p.Complaints, e.ExceptionDetails.Text+" "+e.ExceptionDetails.Exception.Description)
	case "Log.entryAdded":
		if e.Entry.Level == "error" || e.Entry.Level == "warning" {
			p.Complaints = append(p.Complaints, e.Entry.Level+": "+e.Entry.Text)
		}
	}
}

// Eval evaluates an expression on the page; a promise is waited for. result may be nil.
func (p *Page) Eval(expression string, result any) error {
	var answer struct {
		Result           struct{ Value json.RawMessage }
		ExceptionDetails *struct {
			Text      string
			Exception struct{ Description string }
		}
	}
	if err := p.call("Runtime.evaluate", map[string]any{"expression": expression, "returnByValue": true, "awaitPromise": true}, &answer); err != nil {
		return err
	}
	if d := answer.ExceptionDetails; d != nil {
		return fmt.Errorf("browser: %s: %s %s", expression, d.Text, d.Exception.Description)
	}
	if result == nil || len(answer.Result.Value) == 0 {
		return nil
	}
	return json.Unmarshal(answer.Result.Value, result)
}

// Wait waits until an expression is true on the page.
func (p *Page) Wait(expression string) error {
	for {
		var done bool
		if err := p.Eval("!!("+expression+")", &done); err != nil || done {
			return err
		}
		if time.Now().After(p.deadline) {
			return fmt.Errorf("browser: waited in vain for %s; the page complains of %q", expression, p.Complaints)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// Press presses and releases a key, as ArrowRight, Tab or " ".
func (p *Page) Press(key string) error {
	code := strings.ReplaceAll(key, " ", "Space")
	codes := map[string]int{"Tab": 9, "Enter": 13, " ": 32, "End": 35, "Home": 36, "ArrowLeft": 37, "ArrowRight": 39}
	for _, kind := range []string{"keyDown", "keyUp"} {
		params := map[string]any{"type": kind, "key": key, "code": code, "windowsVirtualKeyCode": codes[key]}
		if key == " " {
			params["text"] = " "
		}
		if err := p.call("Input.dispatchKeyEvent", params, nil); err != nil {
			return err
		}
	}
	return nil
}

// Screenshot takes a PNG of what is visible.
func (p *Page) Screenshot() ([]byte, error) {
	return p.binary("Page.captureScreenshot", map[string]any{"format": "png"})
}

// Print makes a PDF of the page, as a printer gets it.
func (p *Page) Print() ([]byte, error) { return p.binary("Page.printToPDF", map[string]any{}) }

func (p *Page) binary(method string, params map[string]any) ([]byte, error) {
	var answer struct{ Data string }
	if err := p.call(method, params, &answer); err != nil {
		return nil, err
	}
	return base64.StdEncoding.DecodeString(answer.Data)
}

// Close ends the browser.
func (p *Page) Close() error {
	p.session = ""
	asked := p.call("Browser.close", nil, nil)
	ended := make(chan error, 1)
	go func() { ended <- p.program.Wait() }()
	const patience = 10 * time.Second
	var failed error
	select {
	case failed = <-ended:
	case <-time.After(patience):
		failed = errors.Join(asked, p.program.Process.Kill(), <-ended)
	}
	return errors.Join(failed, p.to.Close(), p.answers.Close())
}
