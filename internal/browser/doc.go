// Package browser looks at a page as a reader's browser does: tests of pages open them in a headless Chromium, press keys, and hear of every
// request and every complaint.
//
// The one idea: the browser is told what to do by messages over two pipes (the Chrome DevTools Protocol with --remote-debugging-pipe), so that
// no port is opened and the test sees all that the page asks for. Without a Chromium on the PATH there is no browser, and tests skip.
package browser
