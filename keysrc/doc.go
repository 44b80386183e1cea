// Package keysrc reads keys from where they already are.
package keysrc
