/* names.c: the public enums as text.  Switches and not tables, so that a value added to an enum
 * without its name does not compile. */
#include <lastack/types.h>

const char *la_strerror(int err)
{
    switch ((enum la_err)err) {
    case LA_OK:
        return "success";
    case LA_EINVAL:
        return "invalid argument";
    case LA_ENOMEM:
        return "out of memory, or a limit is reached";
    case LA_EAGAIN:
        return "nothing now, try again";
    case LA_EBADF:
        return "not an open handle";
    case LA_ENOTCONN:
        return "not connected";
    case LA_EISCONN:
        return "already connected";
    case LA_EPIPE:
        return "sending is over";
    case LA_ECONNRESET:
        return "connection reset by peer";
    case LA_ECONNREFUSED:
        return "connection refused";
    case LA_ECONNABORTED:
        return "connection aborted";
    case LA_ETIMEDOUT:
        return "connection timed out";
    case LA_EHOSTUNREACH:
        return "host unreachable";
    case LA_ENETUNREACH:
        return "network unreachable";
    case LA_EADDRINUSE:
        return "address in use";
    case LA_EADDRNOTAVAIL:
        return "address not available";
    case LA_EOPNOTSUPP:
        return "operation not supported";
    case LA_EMSGSIZE:
        return "message too long";
    case LA_EPROTO:
        return "protocol error";
    }
    return "unknown error";
}

const char *la_state_name(enum la_state s)
{
    switch (s) {
    case LA_CLOSED:
        return "CLOSED";
    case LA_LISTEN:
        return "LISTEN";
    case LA_SYN_SENT:
        return "SYN-SENT";
    case LA_SYN_RECEIVED:
        return "SYN-RECEIVED";
    case LA_ESTABLISHED:
        return "ESTABLISHED";
    case LA_FIN_WAIT_1:
        return "FIN-WAIT-1";
    case LA_FIN_WAIT_2:
        return "FIN-WAIT-2";
    case LA_CLOSE_WAIT:
        return "CLOSE-WAIT";
    case LA_CLOSING:
        return "CLOSING";
    case LA_LAST_ACK:
        return "LAST-ACK";
    case LA_TIME_WAIT:
        return "TIME-WAIT";
    case LA_STATES:
        break;
    }
    return "unknown state";
}
