// Package hub downloads data sets of The Well from the Hugging Face hub.
//
// The one idea: the hub's listing gives each file's size and hash before anything is fetched, so that a download is a
// comparison: what is there and has the right bytes stays, what is there in part is continued where it stopped, and a
// file gets its name only once its hash is right.
package hub
