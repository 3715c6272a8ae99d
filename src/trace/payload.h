/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* Payloads of vhost-user messages in words. */
#ifndef TRACE_PAYLOAD_H
#define TRACE_PAYLOAD_H

#include <stdbool.h>
#include <stdio.h>

#include "reader.h"

/**
 * trace_print_payload() - " queue=0 num=256"
 * @rec: VU_REQUEST or VU_REPLY
 *
 * Return: false if it cannot be said in words: nothing has been printed
 */
bool trace_print_payload(FILE *f, const struct trace_rec *rec);

#endif
