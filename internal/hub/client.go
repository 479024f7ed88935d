package hub

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Client talks to one hub.
type Client struct {
	Endpoint string        // base address; empty is DefaultEndpoint
	Token    string        // for what is not public; sent to the endpoint only
	Offline  bool          // every request fails, and says why
	HTTP     *http.Client  // nil: a client that honours the usual proxy variables
	Retries  int           // how often a transfer that made no progress is tried again
	Pause    time.Duration // before the first retry; doubles with each
	Stall    time.Duration // a transfer without a byte for so long is cut and continued; 0 is a minute
	Parallel int           // pieces of a large file that are on their way at once; 0 is 4
	Piece    int64         // bytes of a piece; files of at most one come in one transfer; 0 is 32 MiB
}

// FromEnvironment is the client that the variables of the hub's programs describe: HF_ENDPOINT, HF_HUB_OFFLINE, and HF_TOKEN
// or the file that HF_TOKEN_PATH names (HF_HOME/token without it), which a login writes. net/http honours those of proxies.
func FromEnvironment() *Client {
	token := os.Getenv("HF_TOKEN")
	if token == "" {
		text, _ := os.ReadFile(cmp.Or(os.Getenv("HF_TOKEN_PATH"), filepath.Join(home(), "token"))) // most users have none
		token = string(text)
	}
	offline := slices.Contains([]string{"1", "on", "yes", "true"}, strings.ToLower(os.Getenv("HF_HUB_OFFLINE")))
	return &Client{Endpoint: os.Getenv("HF_ENDPOINT"), Token: strings.TrimSpace(token), Offline: offline, Retries: 5, Pause: time.Second}
}

// home is the folder of the hub's programs.
func home() string {
	if folder := os.Getenv("HF_HOME"); folder != "" {
		return folder
	}
	caches, err := os.UserCacheDir()
	if err != nil {
		caches = filepath.Join(os.TempDir(), ".cache") // no home either, as in some containers
	}
	if base, err := os.UserHomeDir(); err == nil && os.Getenv("XDG_CACHE_HOME") == "" {
		caches = filepath.Join(base, ".cache") // on every system, as those programs do
	}
	return filepath.Join(caches, "huggingface")
}

// address joins parts to the endpoint; slashes in parts stay.
func (c *Client) address(parts ...string) (string, error) {
	endpoint := cmp.Or(c.Endpoint, DefaultEndpoint)
	base, err := url.Parse(endpoint)
	if err != nil || base.Host == "" {
		return "", fmt.Errorf("hub: endpoint %q; expected an address like %s", endpoint, DefaultEndpoint)
	}
	return base.JoinPath(parts...).String(), nil
}

func (c *Client) get(ctx context.Context, address string, header map[string]string) (*http.Response, error) {
	if c.Offline {
		return nil, finalError{errors.New("offline (HF_HUB_OFFLINE or --offline): nothing is asked of the hub")}
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	for k, v := range header {
		request.Header.Set(k, v)
	}
	if c.Token != "" {
		// net/http drops it where a redirect leads to another server, as it does to the hub's storage.
		request.Header.Set("Authorization", "Bearer "+c.Token)
	}
	return cmp.Or(c.HTTP, http.DefaultClient).Do(request)
}

// stall is how long a transfer may be without a byte.
func (c *Client) stall() time.Duration { return cmp.Or(c.Stall, time.Minute) }

// finalError is an answer that will not change when asked again.
type finalError struct{ error }

// waitError is an answer that says when to ask again.
type waitError struct {
	error
	wait time.Duration
}

// longestWait is the longest that a server is waited for.
const longestWait = 5 * time.Minute

// statusError describes an answer that is no success.
func statusError(response *http.Response) error {
	err := fmt.Errorf("the server says %s", response.Status)
	switch code := response.StatusCode; {
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		return finalError{fmt.Errorf("%w; set HF_TOKEN to a token with access", err)}
	case code == http.StatusNotFound:
		return finalError{fmt.Errorf("%w; is the name right?", err)}
	case code == http.StatusTooManyRequests || code == http.StatusServiceUnavailable:
		wait := retryAfter(response.Header.Get("Retry-After"), time.Now())
		if wait > longestWait {
			return finalError{fmt.Errorf("%w and to wait for %v; run again then", err, wait.Round(time.Second))}
		}
		return waitError{err, wait}
	case code >= 400 && code < 500 && code != http.StatusRequestTimeout && code != http.StatusRequestedRangeNotSatisfiable:
		return finalError{err}
	}
	return err
}

// retryAfter reads a Retry-After header: seconds, or a date (RFC 9110, 10.2.3). 0 where it is neither.
func retryAfter(header string, now time.Time) time.Duration {
	if seconds, err := strconv.ParseInt(header, 10, 32); err == nil {
		return max(0, time.Duration(seconds)*time.Second)
	}
	if date, err := http.ParseTime(header); err == nil {
		return max(0, date.Sub(now))
	}
	return 0
}

// retry repeats an attempt until it succeeds, with growing pauses, or as long as the server asks to wait. Only tries that
// made no progress count as failures.
func (c *Client) retry(ctx context.Context, attempt func() (progressed bool, err error)) error {
	failures, pause := 0, c.Pause
	for {
		progressed, err := attempt()
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if errors.As(err, new(finalError)) {
			return err
		}
		if progressed {
			failures, pause = 0, c.Pause
			continue
		}
		if failures++; failures > c.Retries {
			return fmt.Errorf("%d tries without progress; run again to continue: %w", failures, err)
		}
		wait := pause
		var asked waitError
		if errors.As(err, &asked) {
			wait = max(wait, asked.wait)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(wait):
			pause *= 2
		}
	}
}
