"""What the servers of these tests have in common."""
import socket
import ssl
import threading


def tls_context(file):
    """Of a server; the file has certificate and key."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


def wait_for_end(conn):
    while conn.recv(65536):
        pass


def accept(address, serve, timeout, **options):
    """Listen from now on, until we are killed: serve(conn), each in a thread.

    The options are those of socket.create_server.
    """
    listener = socket.create_server(address, **options)

    def session(conn):
        conn.settimeout(timeout)
        conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            serve(conn)
        except OSError:
            pass            # the other side has left, as it may
        finally:
            conn.close()

    def loop():
        while True:
            conn, _ = listener.accept()
            threading.Thread(target=session, args=(conn,),
                             daemon=True).start()

    threading.Thread(target=loop).start()
