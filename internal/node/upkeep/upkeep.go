// Package upkeep is what a user has done to an object as a whole: its bytes hashed again (verify, of shares reread), its files taken
// to another folder (move), or all of it forgotten (remove). Each is one long step after which the object goes on, anew where its
// files are others, or is gone; if it fails, everything is as it was, or is as the disk says.
//
// Whoever calls has let the user in. Unless a function says otherwise the caller manages the object, so that nobody else does meanwhile.
package upkeep
