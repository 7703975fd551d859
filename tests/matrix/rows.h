/* rows.h: rows of §3.10 that read the same in several states.  Each is run in the `struct place`
 * that it gets as its state; what one state does otherwise is in that state's own file. */
#ifndef LA_TESTS_MATRIX_ROWS_H
#define LA_TESTS_MATRIX_ROWS_H

#include "matrix/kit.h"

/* B's text fills the window, and is acknowledged. */
void fill_window(struct kit *k);

/* ---- calls ---- */
void open_passive(void **state); /* a listener beside it; the connection is not touched */
void open_active(void **state);
void send_refused(void **state);
void receive_nothing(void **state);
void receive_data(void **state);
void receive_eof(void **state);
void close_again(void **state);
void abort_resets(void **state);
void abort_silent(void **state);
void status(void **state);
/* ---- segments ---- */
void rst_outside(void **state);
void rst_in_window(void **state);
void rst_exact(void **state);
void syn_challenged(void **state);
void ack_unsent(void **state);
void ack_too_old(void **state);
void ack_old(void **state);
void urg_notified(void **state);
void urg_ignored(void **state);
void data_in_order(void **state);
void data_gap(void **state);
void data_fills(void **state);
void data_partly(void **state);
void data_zero_window(void **state);
void data_after_close(void **state);
void data_after_fin(void **state);
void fin_gap(void **state);
void fin_again(void **state);
void out_of_window(void **state);
void no_ack_bit(void **state);
/* ---- time ---- */
void user_timeout(void **state);
void retransmits(void **state);
void no_2msl(void **state);
/* ---- ICMP ---- */
void icmp_hard_is_soft(void **state);
void icmp_soft(void **state);
void icmp_quench(void **state);
void icmp_too_big(void **state);

#endif
