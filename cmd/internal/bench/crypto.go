//go:build unix

package main

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"l2tpdump/cmd/internal/traffic"
	"l2tpdump/esp/lanes"
)

// cryptoBatch is how many packets are opened together, as in the program.
const cryptoBatch = 128

// measureHere measures in this process and prints the cost.
func measureHere(what, file string) error {
	packets, err := espPackets(file)
	if err != nil {
		return err
	}
	var c cost
	switch what {
	case "lanes":
		c, err = crypto(packets, cryptoByLanes)
	case "standard":
		c, err = crypto(packets, cryptoByStandard)
	default:
		c, err = stage(what, file, packets)
	}
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(c)
}

// here is the cost of f in this process.
func here(packets int, f func()) cost {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	start, used := time.Now(), processorTime()
	f()
	c := cost{Wall: time.Since(start), CPU: processorTime() - used}
	runtime.ReadMemStats(&after)
	c.Allocs = float64(after.Mallocs-before.Mallocs) / float64(packets)
	return c
}

// crypto opens packets on all processors. prepare makes the function that one of them calls, and
// which counts wrong ICVs.
func crypto(packets [][]byte, prepare func(last uint32) func(packets [][]byte) (bad int)) (cost, error) {
	var last uint32
	for _, p := range packets {
		last = max(last, binary.BigEndian.Uint32(p))
	}
	work := make([]func([][]byte) int, runtime.GOMAXPROCS(0))
	for i := range work {
		work[i] = prepare(last)
	}
	var bad atomic.Int64
	c := here(len(packets), func() {
		var all sync.WaitGroup
		for i, f := range work {
			part := packets[len(packets)*i/len(work) : len(packets)*(i+1)/len(work)]
			all.Go(func() { bad.Add(int64(f(part))) })
		}
		all.Wait()
	})
	if n := bad.Load(); n > 0 {
		return c, fmt.Errorf("%d of %d packets have a wrong ICV", n, len(packets))
	}
	return c, nil
}

// cryptoByLanes does what decryption can't do without: it compares each ICV and decrypts.
func cryptoByLanes(last uint32) func([][]byte) int {
	type sa struct {
		cbc  lanes.CBC
		hmac lanes.HMAC
	}
	sas := perSA(last, func(key, authKey []byte) (x sa) {
		x.cbc.SetKey(key)
		x.hmac = lanes.SHA1.HMAC(authKey)
		return x
	})
	of := func(packet []byte) *sa { return &sas[binary.BigEndian.Uint32(packet)-firstSPI] }
	var (
		h        lanes.Hasher
		messages [cryptoBatch]lanes.Message
	)
	plain := make([]byte, 1<<16)
	return func(packets [][]byte) (bad int) {
		for batch := range slices.Chunk(packets, cryptoBatch) {
			for i, p := range batch {
				messages[i] = lanes.Message{Key: &of(p).hmac, Data: p[:len(p)-icvLen]}
			}
			h.Sums(messages[:len(batch)])
			for i, p := range batch {
				if !hmac.Equal(messages[i].Sum[:icvLen], p[len(p)-icvLen:]) {
					bad++
				}
				text := p[espLen+ivLen : len(p)-icvLen]
				of(p).cbc.Decrypt(plain[:len(text)], p[espLen:][:ivLen], text)
			}
		}
		return bad
	}
}

// cryptoByStandard does the same with the standard library.
func cryptoByStandard(last uint32) func([][]byte) int {
	type setter interface {
		cipher.BlockMode
		SetIV([]byte)
	}
	type sa struct {
		cbc  setter
		hmac hash.Hash
	}
	sas := perSA(last, func(key, authKey []byte) sa {
		block, _ := aes.NewCipher(key)
		mac := hmac.New(sha1.New, authKey)
		mac.Reset() // saves the states behind the key
		return sa{cipher.NewCBCDecrypter(block, make([]byte, aes.BlockSize)).(setter), mac}
	})
	var sum [sha1.Size]byte
	plain := make([]byte, 1<<16)
	return func(packets [][]byte) (bad int) {
		for _, p := range packets {
			s := &sas[binary.BigEndian.Uint32(p)-firstSPI]
			covered := p[:len(p)-icvLen]
			s.hmac.Reset()
			s.hmac.Write(covered)
			if !hmac.Equal(s.hmac.Sum(sum[:0])[:icvLen], p[len(p)-icvLen:]) {
				bad++
			}
			text := covered[espLen+ivLen:]
			s.cbc.SetIV(covered[espLen:][:ivLen])
			s.cbc.CryptBlocks(plain[:len(text)], text)
		}
		return bad
	}
}

// perSA makes what each SA of a load needs, by SPI from firstSPI to last.
func perSA[T any](last uint32, make func(key, authKey []byte) T) []T {
	var all []T
	for spi := uint32(firstSPI); spi <= last; spi++ {
		all = append(all, make(traffic.NewSA(spi).Keys()))
	}
	return all
}
