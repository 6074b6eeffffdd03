// SPDX-License-Identifier: Apache-2.0
// The one place that holds the version; the build files and the Python package read it from here.
#ifndef MICROPLAN_VERSION_H_
#define MICROPLAN_VERSION_H_

#define MICROPLAN_VERSION "0.1.0"

#endif  // MICROPLAN_VERSION_H_
