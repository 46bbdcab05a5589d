// Named places where a test makes the program fail. FRUGAL_FAULT=POINT:N[:ACTION] acts at the N-th passage (from 1) of
// POINT in the process; ACTION is kill (the default: SIGKILL to itself), throw, eio, or enospc. Without the variable a
// passage costs one load. Points: journal.write, journal.sync, file.write, file.sync, file.rename, array.write,
// checkpoint.write, checkpoint.publish, run_file.write, run_file.rename, worker.job, worker.follow (of a
// rank beside 0), worker.reply, ledger.write.
#pragma once

#include <string_view>

namespace frugal::fault {

// Returns 0, or the errno to pretend (eio, enospc). kill does not return; throw throws Error(run_failed, "fault").
int passage(std::string_view point);
// For places that do no system call of their own: a pretended errno is thrown as Error(environment).
void point(std::string_view point);

}  // namespace frugal::fault
