package keysrc

var fortigateSamples = []sample{
	{name: "tunnel list", format: &fortigateFormat, whole: true, text: `
list all ipsec tunnel in vd 0
------------------------------------------------------
name=l2tp_0 ver=1 serial=2 203.0.113.1:0->203.0.113.10:0 tun_id=203.0.113.10 lgwy=static
proxyid=l2tp proto=17 sa=1 ref=2 serial=1 transport-mode
  src: 17:203.0.113.1-203.0.113.1:1701
  SA:  ref=3 options=18227 type=00 soft=0 mtu=1438 expire=42901/0B replaywin=2048 seqno=1 esn=0 replaywin_lastseq=00000000 itn=0
  life: type=01 bytes=0/0 timeout=42903/43200
  dec: spi=c53a8f78 esp=aes key=16 7c7d7e7f808182838485868788898a8b
       ah=sha1 key=20 4142434445464748494a4b4c4d4e4f5051525354
  enc: spi=0a1b2c3d esp=aes key=16 5c5d5e5f606162636465666768696a6b
       ah=sha1 key=20 6162636465666768696a6b6c6d6e6f7071727374
  dec:pkts/bytes=0/0, enc:pkts/bytes=0/0
name=natted ver=1 serial=3 203.0.113.1:4500->203.0.113.77:4500 tun_id=203.0.113.77
  SA:  ref=3 options=18227 type=00 soft=0 mtu=1438 expire=42901/0B replaywin=2048 seqno=1 esn=1
  dec: spi=c53a8f79 esp=aes-gcm key=36 3c3d3e3f404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f
       ah=null key=0 
  enc: spi=0a1b2c3e esp=3des key=24 449e829ea966d421fbcb86bd7ad92e865abab15baa5c672a
       ah=sha256 key=32 3d3e3f404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c
`, want: `
esp 8 c53a8f78 203.0.113.10>203.0.113.1 aes-cbc-128/hmac-sha1-96 7c7d7e7f808182838485868788898a8b 4142434445464748494a4b4c4d4e4f5051525354 esn=false
esp 10 0a1b2c3d 203.0.113.1>203.0.113.10 aes-cbc-128/hmac-sha1-96 5c5d5e5f606162636465666768696a6b 6162636465666768696a6b6c6d6e6f7071727374 esn=false pair=c53a8f78
esp 15 c53a8f79 *>* aes-gcm-256/aead-128/esn 3c3d3e3f404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f - esn=true
esp 17 0a1b2c3e *>* 3des-cbc/hmac-sha2-256-128/esn 449e829ea966d421fbcb86bd7ad92e865abab15baa5c672a 3d3e3f404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c esn=true pair=c53a8f79`},

	{name: "gateway list", format: &fortigateFormat, text: `
vd: root/0
name: l2tp
version: 1
addr: 203.0.113.1:500 -> 203.0.113.10:500
IKE SA: created 1/1  established 1/1  time 10/10/10 ms
  id/spi: 5 9e99b894d5de25e7/f6f50471f8504b5c
  direction: responder
  key: 1213141516171819-1a1b1c1d1e1f2021

ike 0:l2tp:6: ISAKMP SA 12f2cbed073d6dba/21c98f93c506f466 key 32:131415161718191A1B1C1D1E1F202122232425262728292A2B2C2D2E2F303132
ike 0:l2tp:7: ISAKMP SA 22f2cbed073d6dba/21c98f93c506f466 key 32:131415161718191A1B1C1D1E1F202122232425262728292A2B2C2D2E2F3031
`, want: `
ike 8 9e99b894d5de25e7/f6f50471f8504b5c ka=12131415161718191a1b1c1d1e1f2021 peer=203.0.113.10
ike 10 12f2cbed073d6dba/21c98f93c506f466 ka=131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f303132 peer=203.0.113.10
note 11 key of the IKE SA has 31 bytes where 32 are declared`},
}
