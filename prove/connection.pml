/* connection.pml: opening and closing, small enough to look at every way it can go (spin).
 *
 * Two ends and a network.  End 0, the client, opens one connection after another from the same port;
 * end 1, the server, listens again after each.  Time passes in ticks.  A segment arrives within the
 * tick in which it was sent, in any order, but for LOSS that are lost and LATE that stay behind: a
 * copy of one that arrived, or one that has yet to.  None outlives MSL ticks.  A retransmission timer
 * is one tick.
 *
 * The client begins every connection at the same sequence number, so that a segment of an old one
 * could always be taken for one of the new: TIME-WAIT alone stands between them.  The server's number
 * is fresh each time, as against an old SYN it is the handshake that protects; and the client does
 * not open while the server is in TIME-WAIT: it would be refused, and with a number that repeats it
 * could take an old answer for the new one.
 *
 * A segment also carries the number of the connection that it belongs to, which no end looks at: only
 * the assertions do.  They say what TIME-WAIT is for (RFC 9293 §3.6.1):
 *
 *   agreement   nobody's orderly close ends with a RST
 *   identity    nothing of an old connection is taken for a part of the new
 *
 * and, at rest, that both ends are done.  Switches:
 *
 *   TIME_WAIT=0      the active closer goes straight to CLOSED: spin finds how each is broken
 *   FIND=1           ask only whether a RST meets LAST-ACK: shows the first reason alone
 *   FIND=2           ask only whether old text is taken for new: shows the second alone
 *   ROUGH=1          programs also abort, give up a listener, open from both sides, twice in all:
 *                    every edge of the state diagram (no assertions then)
 *
 * Simpler than the core: numbers do not wrap, one segment of text at most each way, out-of-order text
 * is not kept, acknowledgments are never delayed, no window closes. */

#ifndef TIME_WAIT
#define TIME_WAIT 1
#endif
#ifndef FIND
#define FIND 0
#endif
#ifndef ROUGH
#define ROUGH 0
#endif
#ifndef LOSS
#define LOSS 1
#endif
#ifndef LATE
#define LATE 1
#endif
#ifndef OPENS
#define OPENS 2
#endif
#ifndef MSL
#define MSL 3
#endif
#ifndef SERVER_TEXT
#define SERVER_TEXT 0
#endif
#define SLOTS 8
#ifndef TRIES
#define TRIES 2 /* times that a half-open connection answers its SYN again */
#endif
#define WINDOW 2

/* The states, numbered as the core's are. */
#define CLOSED 0
#define LISTEN 1
#define SYN_SENT 2
#define SYN_RECEIVED 3
#define ESTABLISHED 4
#define FIN_WAIT_1 5
#define FIN_WAIT_2 6
#define CLOSE_WAIT 7
#define CLOSING 8
#define LAST_ACK 9
#define TIME_WAIT_STATE 10

#define SYN 1
#define ACK 2
#define FIN 4
#define RST 8
#define TEXT 16

typedef Seg {
    byte flags, seq, ack;
    byte conn; /* whose it is: for the assertions alone */
    byte age;  /* in ticks, of one that stays behind */
    bit late;  /* it stays behind */
    bit copied /* and arrived once already */
}

typedef Wire {
    Seg s[SLOTS + 1]; /* one to exchange two by */
    byte n
}

typedef End {
    byte state;
    byte iss, una, nxt;
    byte rcv;      /* RCV.NXT */
    byte conn;
    byte wait;     /* ticks that TIME-WAIT lasts */
    byte tries;
    bit due;       /* the retransmission timer has expired */
    bit fin;       /* CLOSE was called */
    bit passive;
    bit text       /* a segment of it was sent: number iss + 1 */
}

Wire wire[2]; /* to end i */
End end[2];
byte lost, stayed, opened, rough;
byte me, to; /* the end in hand, and the state that it enters */
Seg g;       /* the segment in hand */

c_decl {
    static unsigned char taken[11 * 11];
    static void tell(void)
    {
        static const char *const name[] = {"CLOSED", "LISTEN", "SYN-SENT", "SYN-RECEIVED",
            "ESTABLISHED", "FIN-WAIT-1", "FIN-WAIT-2", "CLOSE-WAIT", "CLOSING", "LAST-ACK",
            "TIME-WAIT"};
        for (int i = 0; i < 11 * 11; i++)
            if (taken[i])
                printf("edge %s %s\n", name[i / 11], name[i % 11]);
    }
};

inline enter(state_)
{
    to = state_;
    c_code { taken[now.end[now.me].state * 11 + now.to] = 1; };
    printf("state %d %d %d\n", me, end[me].state, to);
    end[me].state = to;
    to = 0
}

/* ---- the network ---- */

/* Is it the same segment, on its way in this tick?  Then one stands for both. */
#define SAME(w_, i_, f_, s_, a_) (wire[w_].s[i_].flags == f_ && wire[w_].s[i_].seq == s_ && \
    wire[w_].s[i_].ack == a_ && wire[w_].s[i_].conn == end[me].conn && !wire[w_].s[i_].late)

inline copy(into, from)
{
    into.flags = from.flags;
    into.seq = from.seq;
    into.ack = from.ack;
    into.conn = from.conn;
    into.age = from.age;
    into.late = from.late;
    into.copied = from.copied
}

inline wipe(seg)
{
    seg.flags = 0;
    seg.seq = 0;
    seg.ack = 0;
    seg.conn = 0;
    seg.age = 0;
    seg.late = 0;
    seg.copied = 0
}

/* Takes slot i_ out of wire w_; the rest moves up, so that what is the same looks the same. */
inline take_out(w_, i_)
{
    k = i_;
    do
    :: k + 1 < wire[w_].n -> copy(wire[w_].s[k], wire[w_].s[k + 1]); k++
    :: else -> break
    od;
    wire[w_].n--;
    wipe(wire[w_].s[wire[w_].n]);
    k = 0
}

#define BEFORE(x_, y_) (x_.late > y_.late || (x_.late == y_.late && (x_.age > y_.age || \
    (x_.age == y_.age && (x_.flags > y_.flags || (x_.flags == y_.flags && (x_.seq > y_.seq || \
    (x_.seq == y_.seq && (x_.ack > y_.ack || (x_.ack == y_.ack && x_.conn > y_.conn))))))))))

/* Moves the last segment of wire w_ to its place: the network has no order, so neither has the
 * wire. */
inline settle(w_)
{
    k = wire[w_].n - 1;
    do
    :: k > 0 && BEFORE(wire[w_].s[k], wire[w_].s[k - 1]) ->
        copy(wire[w_].s[SLOTS], wire[w_].s[k - 1]);
        copy(wire[w_].s[k - 1], wire[w_].s[k]);
        copy(wire[w_].s[k], wire[w_].s[SLOTS]);
        k--
    :: else -> break
    od;
    wipe(wire[w_].s[SLOTS]);
    k = 0
}

inline send(f_, s_, a_)
{
    printf("send %d %d %d %d %d\n", me, f_, s_, a_, end[me].conn);
    j = 0;
    do
    :: j < wire[1 - me].n && !SAME(1 - me, j, f_, s_, a_) -> j++
    :: else -> break
    od;
    if
    :: j < wire[1 - me].n
    :: else ->
        assert(wire[1 - me].n < SLOTS);
        wire[1 - me].s[j].flags = f_;
        wire[1 - me].s[j].seq = s_;
        wire[1 - me].s[j].ack = a_;
        wire[1 - me].s[j].conn = end[me].conn;
        wire[1 - me].n++;
        settle(1 - me)
    fi;
    j = 0
}

/* The segment in hand stays in the network, on its way to the end in hand. */
inline stay()
{
    printf("stay %d %d %d %d %d %d\n", me, g.flags, g.seq, g.ack, g.conn, g.copied);
    pick = wire[me].n;
    copy(wire[me].s[pick], g);
    wire[me].s[pick].late = 1;
    wire[me].n++;
    settle(me);
    pick = 0
}

/* ---- an end ---- */

#define SYNCHRONIZED (end[me].state >= ESTABLISHED)
#define LENGTH (((g.flags & SYN) != 0) + ((g.flags & TEXT) != 0) + ((g.flags & FIN) != 0))

inline send_ack()
{
    send(ACK, end[me].nxt, end[me].rcv)
}

inline forget()
{
    end[me].una = end[me].iss;
    end[me].nxt = end[me].iss;
    end[me].rcv = 0;
    end[me].wait = 0;
    end[me].tries = 0;
    end[me].due = 0;
    end[me].fin = 0;
    end[me].passive = 0;
    end[me].text = 0;
    end[me].conn = 0
}

/* CLOSED; a server listens again. */
inline closed()
{
    enter(CLOSED);
    forget();
    if
    :: me == 1 && !ROUGH -> enter(LISTEN)
    :: else
    fi
}

inline time_wait()
{
    end[me].due = 0;
    enter(TIME_WAIT_STATE);
    if
    :: TIME_WAIT -> end[me].wait = 2 * MSL
    :: else -> closed()
    fi
}

inline refuse()
{
    if
    :: g.flags & RST
    :: !(g.flags & RST) && (g.flags & ACK) -> send(RST, g.ack, 0)
    :: else -> send(RST | ACK, 0, g.seq + LENGTH)
    fi
}

/* Nobody's segment: the answer is about the connection that it came from. */
inline refuse_stranger()
{
    end[me].conn = g.conn;
    refuse();
    end[me].conn = 0
}

/* The server's numbers are fresh; the client's never. */
inline choose_iss()
{
    if
    :: me == 1 -> end[me].iss = end[me].iss + 4
    :: else
    fi;
    end[me].una = end[me].iss;
    end[me].nxt = end[me].iss + 1
}

inline in_listen()
{
    if
    :: g.flags & (RST | ACK) -> refuse_stranger()
    :: !(g.flags & (RST | ACK)) && (g.flags & SYN) ->
        end[me].conn = g.conn;
        end[me].rcv = g.seq + 1;
        choose_iss();
        end[me].passive = 1;
        enter(SYN_RECEIVED);
        send(SYN | ACK, end[me].iss, end[me].rcv)
    :: else
    fi
}

inline in_syn_sent()
{
    if
    :: (g.flags & ACK) && g.ack != end[me].nxt -> refuse()
    :: !((g.flags & ACK) && g.ack != end[me].nxt) && (g.flags & RST) ->
        if
        :: g.flags & ACK -> closed()
        :: else
        fi
    :: !((g.flags & ACK) && g.ack != end[me].nxt) && !(g.flags & RST) && (g.flags & SYN) ->
        end[me].rcv = g.seq + 1;
        end[me].due = 0;
            if
        :: g.flags & ACK ->
            assert(ROUGH || FIND || g.conn == end[me].conn); /* identity */
            end[me].una = g.ack;
            enter(ESTABLISHED);
            send_ack()
        :: else ->
            enter(SYN_RECEIVED);
            send(SYN | ACK, end[me].iss, end[me].rcv)
        fi
    :: else
    fi
}

/* Fifth: the ACK field.  go says whether the rest of the segment is looked at. */
inline fifth_ack()
{
    if
    :: !(g.flags & ACK) -> go = 0
    :: (g.flags & ACK) && end[me].state == SYN_RECEIVED ->
        if
        :: g.ack > end[me].una && g.ack <= end[me].nxt ->
            end[me].una = g.ack;
            end[me].due = 0;
                    enter(ESTABLISHED)
        :: else -> refuse(); go = 0
        fi
    :: (g.flags & ACK) && end[me].state != SYN_RECEIVED ->
        if
        :: g.ack > end[me].nxt -> go = 0
        :: g.ack > end[me].una && g.ack <= end[me].nxt ->
            assert(ROUGH || FIND || g.conn == end[me].conn); /* identity */
            end[me].una = g.ack;
            end[me].due = 0;
            if
            :: end[me].fin && end[me].una == end[me].nxt ->
                if
                :: end[me].state == CLOSING -> time_wait(); go = 0
                :: end[me].state == LAST_ACK -> closed(); go = 0
                :: else
                fi
            :: else
            fi
        :: else
        fi
    fi
}

/* Seventh and eighth: text and FIN, in order. */
inline text_and_fin()
{
    if
    :: (g.flags & TEXT) && g.seq == end[me].rcv ->
        assert(ROUGH || FIND == 1 || g.conn == end[me].conn || (FIND == 2 && g.conn > end[me].conn)); /* identity */
        printf("text %d %d %d\n", me, g.conn, end[me].conn);
        end[me].rcv++
    :: else
    fi;
    if
    :: (g.flags & FIN) && g.seq + ((g.flags & TEXT) != 0) == end[me].rcv ->
        assert(ROUGH || FIND || g.conn == end[me].conn); /* identity */
        end[me].rcv++;
        send_ack();
        if
        :: end[me].state == ESTABLISHED -> enter(CLOSE_WAIT)
        :: end[me].state == FIN_WAIT_1 && end[me].una == end[me].nxt -> time_wait()
        :: end[me].state == FIN_WAIT_1 && end[me].una < end[me].nxt -> enter(CLOSING)
        :: end[me].state == FIN_WAIT_2 -> time_wait()
        :: else
        fi
    :: else ->
        if
        :: end[me].state == FIN_WAIT_1 && end[me].una == end[me].nxt -> enter(FIN_WAIT_2)
        :: else
        fi;
        if
        :: LENGTH -> send_ack()
        :: else
        fi
    fi
}

/* First: sequence number.  Second: RST.  Fourth: SYN. */
inline in_others()
{
    go = 0;
    if
    :: end[me].state == SYN_RECEIVED && (g.flags & SYN) && g.seq + 1 == end[me].rcv ->
        if
        ::(g.flags & ACK) && g.ack == end[me].nxt -> /* the SYNs crossed */
            end[me].una = g.ack;
            end[me].due = 0;
                    enter(ESTABLISHED);
            send_ack()
        :: else ->
            end[me].conn = g.conn; /* the same SYN, for all that anybody can see */
            send(SYN | ACK, end[me].iss, end[me].rcv)
        fi
    :: end[me].state == TIME_WAIT_STATE && (g.flags & FIN) && g.seq + LENGTH == end[me].rcv ->
        send_ack();
        end[me].wait = 2 * MSL
    :: !(end[me].state == SYN_RECEIVED && (g.flags & SYN) && g.seq + 1 == end[me].rcv) &&
       !(end[me].state == TIME_WAIT_STATE && (g.flags & FIN) && g.seq + LENGTH == end[me].rcv) ->
        if
        :: (g.seq >= end[me].rcv + WINDOW || g.seq + LENGTH < end[me].rcv + (LENGTH > 0)) ->
            if
            :: !(g.flags & RST) && LENGTH -> send_ack()
            :: else
            fi
        :: else ->
            if
            :: g.flags & RST ->
                if
                :: g.seq != end[me].rcv || end[me].state == TIME_WAIT_STATE
                :: else ->
                    assert(ROUGH || FIND == 2 || !SYNCHRONIZED || (FIND == 1 && end[me].state != LAST_ACK)); /* agreement */
                    if
                    :: end[me].passive && end[me].state == SYN_RECEIVED ->
                        forget();
                        enter(LISTEN)
                    :: else -> closed()
                    fi
                fi
            :: !(g.flags & RST) && (g.flags & SYN) -> send_ack()
            :: else -> go = 1
            fi
        fi
    fi;
    if
    :: go -> fifth_ack()
    :: else
    fi;
    if
    :: go && end[me].state != TIME_WAIT_STATE -> text_and_fin()
    :: else
    fi;
    go = 0
}

inline receive()
{
    printf("receive %d %d %d %d %d\n", me, g.flags, g.seq, g.ack, g.conn);
    if
    :: end[me].state == CLOSED -> refuse_stranger()
    :: end[me].state == LISTEN -> in_listen()
    :: end[me].state == SYN_SENT -> in_syn_sent()
    :: end[me].state >= SYN_RECEIVED -> in_others()
    fi
}

/* Sends the oldest number that nobody acknowledged. */
inline send_again()
{
    end[me].due = 0;
    if
    :: end[me].state == SYN_SENT -> send(SYN, end[me].iss, 0)
    :: end[me].state == SYN_RECEIVED && end[me].passive && end[me].tries == TRIES ->
        forget();
        enter(LISTEN)
    :: end[me].state == SYN_RECEIVED && !(end[me].passive && end[me].tries == TRIES) ->
        end[me].tries++;
        send(SYN | ACK, end[me].iss, end[me].rcv)
    :: SYNCHRONIZED ->
        if
        :: end[me].una == end[me].iss -> send(SYN | ACK, end[me].iss, end[me].rcv)
        :: end[me].una == end[me].iss + 1 && end[me].text -> send(ACK | TEXT, end[me].iss + 1, end[me].rcv)
        :: else -> send(ACK | FIN, end[me].nxt - 1, end[me].rcv)
        fi
    fi
}

inline close_end()
{
    end[me].fin = 1;
    if
    :: end[me].state == CLOSE_WAIT -> enter(LAST_ACK)
    :: else -> enter(FIN_WAIT_1)
    fi;
    send(ACK | FIN, end[me].nxt, end[me].rcv);
    end[me].nxt++
}

/* ---- time ---- */

#define OUTSTANDING(i_) (end[i_].una < end[i_].nxt)
#define ALIVE (wire[0].n || wire[1].n || OUTSTANDING(0) || OUTSTANDING(1) || end[0].wait || end[1].wait)

/* What must arrive before the next tick: all that does not stay behind, and what has yet to arrive
 * and would grow too old. */
#define BUSY(w_, i_) (i_ < wire[w_].n && \
    (!wire[w_].s[i_].late || (!wire[w_].s[i_].copied && wire[w_].s[i_].age + 1 >= MSL)))
#define ANY_BUSY(w_) (BUSY(w_, 0) || BUSY(w_, 1) || BUSY(w_, 2) || BUSY(w_, 3) || BUSY(w_, 4) || \
    BUSY(w_, 5) || BUSY(w_, 6) || BUSY(w_, 7))

/* The copies that reach MSL are gone. */
inline grow_older(w_)
{
    i = 0;
    do
    :: i < wire[w_].n && wire[w_].s[i].age + 1 >= MSL -> take_out(w_, i)
    :: i < wire[w_].n && wire[w_].s[i].age + 1 < MSL -> wire[w_].s[i].age++; i++
    :: else -> break
    od;
    i = 0
}

inline tick_end(e_)
{
    me = e_;
    if
    :: end[me].wait ->
        end[me].wait--;
        if
        :: end[me].wait == 0 -> closed()
        :: else
        fi
    :: else ->
        if
        :: OUTSTANDING(me) -> end[me].due = 1
        :: else
        fi
    fi;
    me = 0
}

/* ---- everything that may happen next ---- */

active proctype world()
{
    byte i, j, k, pick;
    bit go;

    c_code { atexit(tell); };
    me = 1;
    atomic { enter(LISTEN); me = 0 }
    do
    /* The client's program.  While the server is in TIME-WAIT it would be refused. */
    :: atomic { end[0].state == CLOSED && opened < OPENS && (ROUGH || end[1].state == LISTEN) ->
        me = 0;
        opened++;
        end[0].conn = opened;
        choose_iss();
        enter(SYN_SENT);
        send(SYN, end[me].iss, 0) }
    /* Either program sends a segment of text, or closes. */
    :: atomic { end[0].state == ESTABLISHED && !end[0].text && end[0].nxt == end[0].iss + 1 ->
        me = 0;
        end[0].text = 1;
        send(ACK | TEXT, end[0].iss + 1, end[0].rcv);
        end[0].nxt++ }
    :: atomic { SERVER_TEXT && (end[1].state == ESTABLISHED || end[1].state == CLOSE_WAIT) && !end[1].text && end[1].nxt == end[1].iss + 1 ->
        me = 1;
        end[1].text = 1;
        send(ACK | TEXT, end[1].iss + 1, end[1].rcv);
        end[1].nxt++;
        me = 0 }
    :: atomic { end[0].state == ESTABLISHED || end[0].state == CLOSE_WAIT ->
        me = 0;
        close_end() }
    :: atomic { end[1].state == ESTABLISHED || end[1].state == CLOSE_WAIT ->
        me = 1;
        close_end();
        me = 0 }
#if ROUGH
    :: atomic { end[1].state == CLOSED && opened < OPENS -> me = 1; enter(LISTEN); me = 0 }
    :: atomic { rough < 2 && end[1].state == CLOSED && opened < OPENS -> rough++;
        me = 1;
        opened++;
        end[1].conn = opened;
        choose_iss();
        enter(SYN_SENT);
        send(SYN, end[me].iss, 0);
        me = 0 }
    :: atomic { rough < 2 && end[1].state == LISTEN -> rough++; me = 1; closed(); me = 0 }
    :: atomic { rough < 2 && end[0].state == SYN_RECEIVED -> rough++; me = 0; close_end() }
    :: atomic { rough < 2 && end[1].state == SYN_RECEIVED -> rough++; me = 1; close_end(); me = 0 }
    :: atomic { rough < 2 && end[0].state >= SYN_SENT && end[0].state != TIME_WAIT_STATE -> rough++;
        me = 0;
        if
        :: end[0].state > SYN_SENT -> send(RST | ACK, end[0].nxt, end[0].rcv)
        :: else
        fi;
        closed() }
    :: atomic { rough < 2 && end[1].state >= SYN_SENT && end[1].state != TIME_WAIT_STATE -> rough++;
        me = 1;
        if
        :: end[1].state > SYN_SENT -> send(RST | ACK, end[1].nxt, end[1].rcv)
        :: else
        fi;
        closed();
        me = 0 }
#endif
    /* A retransmission timer. */
    :: atomic { end[0].due -> me = 0; send_again() }
    :: atomic { end[1].due -> me = 1; send_again(); me = 0 }
    /* A segment arrives, stays behind, or is lost. */
    :: atomic { wire[0].n || wire[1].n ->
        if
        :: wire[0].n -> me = 0
        :: wire[1].n -> me = 1
        fi;
        pick = 0;
        do
        :: pick + 1 < wire[me].n -> pick++
        :: break
        od;
        copy(g, wire[me].s[pick]);
        if
        :: take_out(me, pick); pick = 0; receive()
        :: !g.late && stayed < LATE -> /* it arrives, and a copy stays behind */
            stayed++;
            take_out(me, pick);
            g.copied = 1;
            stay();
            receive()
        :: !g.late && stayed < LATE -> /* it stays behind */
            stayed++;
            take_out(me, pick);
            stay()
        :: !g.late && lost < LOSS ->
            lost++;
            printf("lose %d %d %d %d %d\n", me, g.flags, g.seq, g.ack, g.conn);
            take_out(me, pick);
            pick = 0
        fi;
        wipe(g);
        me = 0 }
    /* Time passes, when all that is due was done and no segment would grow too old. */
    :: atomic { ALIVE && !end[0].due && !end[1].due && !ANY_BUSY(0) && !ANY_BUSY(1) ->
        printf("tick\n");
        grow_older(0);
        grow_older(1);
        tick_end(0);
        tick_end(1) }
    :: atomic { !ALIVE && opened == OPENS && end[0].state == CLOSED && (end[1].state == LISTEN || end[1].state == CLOSED) -> break }
    od
}
