/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* The files of src/trace/html, as strings. */
#ifndef TRACE_PAGE_H
#define TRACE_PAGE_H

extern const char page_css[], page_body[];
extern const char page_data_js[], page_rows_js[], page_draw_js[], page_ui_js[];

#endif
