/* SPDX-License-Identifier: MIT
 *
 * Keys of a model's metadata in a safetensors file. Private to lib/model.
 */
#ifndef DET_SAFETENSORS_KEYS_H
#define DET_SAFETENSORS_KEYS_H

#define SAFETENSORS_VERSION    "det.model"
#define SAFETENSORS_CLASSES    "det.classes"
#define SAFETENSORS_TEXT       "det.text/"
#define SAFETENSORS_HEX        "det.hex/"
#define SAFETENSORS_MAX_HEADER 100000000

#endif
