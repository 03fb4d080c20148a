// The filters that work on lists; filters.cpp has the table of all.
#pragma once

#include "chat/jinja/heap.h"

namespace coterie::jinja::list_filters {

Status list(Heap& heap, const Value& value, const Arguments& arguments, Value* out);
Status first(Heap& heap, const Value& value, const Arguments& arguments, Value* out);
Status last(Heap& heap, const Value& value, const Arguments& arguments, Value* out);
Status reverse(Heap& heap, const Value& value, const Arguments& arguments, Value* out);
Status join(Heap& heap, const Value& value, const Arguments& arguments, Value* out);
Status unique(Heap& heap, const Value& value, const Arguments& arguments, Value* out);
Status sort(Heap& heap, const Value& value, const Arguments& arguments, Value* out);
Status dictsort(Heap& heap, const Value& value, const Arguments& arguments, Value* out);
Status map(Heap& heap, const Value& value, const Arguments& arguments, Value* out);
Status select(Heap& heap, const Value& value, const Arguments& arguments, Value* out);
Status reject(Heap& heap, const Value& value, const Arguments& arguments, Value* out);
Status selectattr(Heap& heap, const Value& value, const Arguments& arguments, Value* out);
Status rejectattr(Heap& heap, const Value& value, const Arguments& arguments, Value* out);
Status max(Heap& heap, const Value& value, const Arguments& arguments, Value* out);
Status min(Heap& heap, const Value& value, const Arguments& arguments, Value* out);
Status sum(Heap& heap, const Value& value, const Arguments& arguments, Value* out);

}  // namespace coterie::jinja::list_filters
