// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* The files of src/trace/html, as strings: the assembler reads them. */
#include "page.h"

/* Paths are seen from the top directory, where make runs. */
#define PAGE(symbol, file)					\
	__asm__(".pushsection .rodata\n"			\
		".global " #symbol "\n"				\
		#symbol ":\n"					\
		".incbin \"src/trace/html/" file "\"\n"		\
		".byte 0\n"					\
		".popsection\n")

PAGE(page_css, "style.css");
PAGE(page_body, "body.html");
PAGE(page_data_js, "data.js");
PAGE(page_rows_js, "rows.js");
PAGE(page_draw_js, "draw.js");
PAGE(page_ui_js, "ui.js");
