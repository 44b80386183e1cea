// Package traffic makes L2TP/IPsec packets for benchmarks and long tests: Ethernet, IPv4, ESP in
// transport mode (AES-CBC, HMAC-SHA1-96), UDP 1701, L2TP, PPP, IPv4, UDP.
package traffic

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/binary"
	"fmt"
	"hash"
)

// Sizes in bytes.
const (
	etherLen = 14
	ipLen    = 20
	espLen   = 8
	ivLen    = aes.BlockSize
	icvLen   = 12
	udpLen   = 8
	l2tpLen  = 6
	pppLen   = 4

	trailerLen = 2 // pad length, next header
)

// SA makes the packets of one direction.
type SA struct {
	SPI     uint32
	key     [16]byte
	authKey [20]byte
	mac     hash.Hash
	block   cipher.Block
	seq     uint32

	// Tunnel and Session are the L2TP IDs in its packets.
	Tunnel, Session uint16
}

// NewSA returns an SA whose keys follow from the SPI.
func NewSA(spi uint32) *SA {
	sa := &SA{SPI: spi, Tunnel: 21, Session: 7}
	sum := sha1.Sum(binary.BigEndian.AppendUint32([]byte("key"), spi))
	copy(sa.key[:], sum[:])
	sa.authKey = sha1.Sum(binary.BigEndian.AppendUint32([]byte("auth"), spi))
	sa.block, _ = aes.NewCipher(sa.key[:])
	sa.mac = hmac.New(sha1.New, sa.authKey[:])
	return sa
}

// TableRow is the SA as a row of Wireshark's esp_sa table.
func (sa *SA) TableRow() string {
	return fmt.Sprintf(`"IPv4","192.0.2.1","192.0.2.2","0x%08x",`+
		`"AES-CBC [RFC3602]","0x%x","HMAC-SHA-1-96 [RFC2404]","0x%x"`+"\n", sa.SPI, sa.key, sa.authKey)
}

// Keys are the encryption and the authentication key.
func (sa *SA) Keys() (encryption, authentication []byte) { return sa.key[:], sa.authKey[:] }

// Append appends the next frame of the SA. size is the length of the ESP packet at most; it is
// filled as far as the block size lets it.
func (sa *SA) Append(dst []byte, size int) []byte {
	room := (size - espLen - ivLen - icvLen) / aes.BlockSize * aes.BlockSize
	return sa.append(dst, room-trailerLen)
}

// AppendInner appends the next frame of the SA, of which the inner IP packet has inner bytes, at
// least 28.
func (sa *SA) AppendInner(dst []byte, inner int) []byte {
	return sa.append(dst, udpLen+l2tpLen+pppLen+inner)
}

func (sa *SA) append(dst []byte, payload int) []byte {
	sa.seq++
	padding := -(payload + trailerLen) & (aes.BlockSize - 1)
	room := payload + padding + trailerLen

	dst = append(dst, 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0)
	dst = appendIPv4(dst, 50, ipLen+espLen+ivLen+room+icvLen, [4]byte{192, 0, 2, 1}, [4]byte{192, 0, 2, 2})
	esp := len(dst)
	dst = binary.BigEndian.AppendUint32(dst, sa.SPI)
	dst = binary.BigEndian.AppendUint32(dst, sa.seq)
	iv := len(dst)
	for i := range ivLen {
		dst = append(dst, byte(sa.seq>>(i%4*8))^byte(i*37))
	}
	text := len(dst)
	dst = binary.BigEndian.AppendUint16(dst, 1701)
	dst = binary.BigEndian.AppendUint16(dst, 1701)
	dst = binary.BigEndian.AppendUint16(dst, uint16(payload))
	dst = append(dst, 0, 0, 0, 2) // L2TP data
	dst = binary.BigEndian.AppendUint16(dst, sa.Tunnel)
	dst = binary.BigEndian.AppendUint16(dst, sa.Session)
	dst = append(dst, 0xff, 3, 0, 0x21) // PPP IPv4
	inner := payload - udpLen - l2tpLen - pppLen
	dst = appendIPv4(dst, 17, inner, [4]byte{10, 99, 0, 100}, [4]byte{10, 99, 0, 1})
	dst = binary.BigEndian.AppendUint16(dst, 40000)
	dst = binary.BigEndian.AppendUint16(dst, 9)
	dst = binary.BigEndian.AppendUint16(dst, uint16(inner-ipLen))
	dst = append(dst, 0, 0)
	for i := 0; len(dst)-text < payload; i++ {
		dst = append(dst, byte(i))
	}
	for i := range padding {
		dst = append(dst, byte(i+1))
	}
	dst = append(dst, byte(padding), 17)
	cipher.NewCBCEncrypter(sa.block, dst[iv:iv+ivLen]).CryptBlocks(dst[text:], dst[text:])
	sa.mac.Reset()
	sa.mac.Write(dst[esp:])
	dst = append(dst, sa.mac.Sum(nil)[:icvLen]...)
	return dst
}

func appendIPv4(dst []byte, protocol byte, length int, src, to [4]byte) []byte {
	at := len(dst)
	dst = append(dst, 0x45, 0, byte(length>>8), byte(length), 0, 0, 0x40, 0, 64, protocol, 0, 0)
	dst = append(dst, src[:]...)
	dst = append(dst, to[:]...)
	var sum uint32
	for i := at; i < at+ipLen; i += 2 {
		sum += uint32(binary.BigEndian.Uint16(dst[i:]))
	}
	sum = sum&0xffff + sum>>16
	sum = sum&0xffff + sum>>16
	binary.BigEndian.PutUint16(dst[at+10:], ^uint16(sum))
	return dst
}
