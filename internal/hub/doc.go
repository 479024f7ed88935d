// Package hub downloads data sets and models from the Hugging Face hub, and finds models that are downloaded already.
//
// The one idea: the hub's listing gives each file's size and hash before anything is fetched, so that a download is a
// comparison: what is there and has the right bytes stays, what is there in part is continued where it stopped, and a
// file gets its name only once its hash is right. Data sets go to a folder that the user names; models go to the cache that
// all programs of the hub share (cache.go), so that one finds what another fetched.
package hub
