// SPDX-License-Identifier: MIT
// mamba/model.hpp — what a program needs that runs a model: weights, states, sessions, sampling, mixers by themselves.
#pragma once

#include <mamba/model/config.hpp>
#include <mamba/model/forward.hpp>
#include <mamba/model/log_softmax.hpp>
#include <mamba/model/observe.hpp>
#include <mamba/model/rollback_log.hpp>
#include <mamba/model/sampling.hpp>
#include <mamba/model/session.hpp>
#include <mamba/model/signal.hpp>
#include <mamba/model/weights.hpp>
#include <mamba/model/workspace.hpp>
#include <mamba/nn/forward.hpp>
#include <mamba/nn/s4d.hpp>
