// A client of phase 1 (`echo PORT`) or 2 (`framed PORT`): standard input to the server, replies to standard output.
package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
)

const longest = 32 << 20

func echo(server *net.TCPConn) error {
	type sum struct {
		count int64
		err   error
	}
	sent := make(chan sum, 1)
	go func() {
		count, err := io.Copy(server, os.Stdin)
		sent <- sum{count, err}
		server.CloseWrite()
	}()
	received, err := io.Copy(os.Stdout, server)
	if err != nil {
		return err
	}
	select {
	case sent := <-sent:
		if sent.err != nil {
			return sent.err
		}
		if sent.count != received {
			return fmt.Errorf("%d bytes were sent, %d came back", sent.count, received)
		}
		return nil
	default:
		return fmt.Errorf("the server closed after %d bytes", received)
	}
}

func framed(server *net.TCPConn) error {
	input, replies := bufio.NewReader(os.Stdin), bufio.NewReader(server)
	for {
		line, end := input.ReadBytes('\n')
		if end != nil && len(line) == 0 {
			return nil
		}
		request := bytes.TrimSuffix(line, []byte("\n"))
		header := binary.LittleEndian.AppendUint32(nil, uint32(len(request)))
		if _, err := server.Write(append(header, request...)); err != nil {
			return err
		}
		if _, err := io.ReadFull(replies, header); err != nil {
			return fmt.Errorf("the reply's length: %w", err)
		}
		length := binary.LittleEndian.Uint32(header)
		if length > longest {
			return fmt.Errorf("a reply of %d bytes is announced", length)
		}
		var reply bytes.Buffer
		if _, err := io.CopyN(&reply, replies, int64(length)); err != nil {
			return fmt.Errorf("the reply ended after %d of %d bytes", reply.Len(), length)
		}
		reply.WriteByte('\n')
		if _, err := os.Stdout.Write(reply.Bytes()); err != nil {
			return err
		}
	}
}

func main() {
	connection, err := net.Dial("tcp", "127.0.0.1:"+os.Args[2])
	if err == nil {
		server := connection.(*net.TCPConn)
		if os.Args[1] == "echo" {
			err = echo(server)
		} else {
			err = framed(server)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "client:", err)
		os.Exit(1)
	}
}
